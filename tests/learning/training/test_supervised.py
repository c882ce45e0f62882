"""The supervised reference: labels reach its loss, it learns categories, and data without labels are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.prepared.data import TABLE, PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.losses.classification import classification
from aassl_ros.learning.online.settings import OnlineSettings, resolve
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

SETTINGS = LearnerSettings(method="supervised", batch=32, image_size=32, width=8, lr=2e-3)


def relabelled(path: Path, categories: list[str]) -> PreparedData:
    """An episode of each of these categories."""
    write_synthetic(path, episodes=len(categories), frames=20, image_size=8)
    table = json.loads((path / TABLE).read_text())
    for row, category in zip(table["episodes"], categories, strict=True):
        row["category"] = category
    (path / TABLE).write_text(json.dumps(table))
    return PreparedData.open(path)


def test_the_loss_is_the_mean_cross_entropy_of_both_images() -> None:
    first, second = torch.randn(2, 7, 4, dtype=torch.float64)
    target = torch.tensor([0, 1, 2, 3, 3, 0, 1])
    rows = range(len(target))
    expected = [-z.log_softmax(1)[i, target[i]] for z in (first, second) for i in rows]
    torch.testing.assert_close(classification(first, second, target), torch.stack(expected).mean())


def test_every_frame_comes_with_the_number_of_its_category(turning_clouds: PreparedData) -> None:
    batches = PairBatches(turning_clouds, SETTINGS, ("train",))
    batch = next(batches.epoch(np.random.default_rng(0)))
    assert batches.labels.categories == ("cloud_0", "cloud_1", "cloud_2", "cloud_3")
    where = {turning_clouds.frames[index].tobytes(): index for index in range(len(turning_clouds))}
    shown = [turning_clouds.episodes[turning_clouds.episode_of[where[image.tobytes()]]] for image in batch.first]
    assert [f"cloud_{number}" for number in batch.target] == [row.category for row in shown]
    assert batch.action is None


def test_training_fits_the_categories(turning_clouds: PreparedData) -> None:
    settings = replace(SETTINGS, crop_minimum=1.0, jitter_probability=0.0, gray_probability=0.0)
    batches = PairBatches(turning_clouds, settings, ("train",))
    learner, rng = Learner(settings, categories=batches.categories), np.random.default_rng(0)
    losses = [learner.step(b.first, b.second, b.action, b.target).total for _ in range(4) for b in batches.epoch(rng)]
    assert np.mean(losses[:5]) > 1.1  # log 4 where nothing is known
    assert np.mean(losses[-10:]) < 0.8


def test_a_supervised_run_has_as_many_categories_as_its_data(turning_clouds: PreparedData, tmp_path: Path) -> None:
    settings = TrainSettings(method="supervised", batch=320, width=4, epochs=1)
    trainer = Trainer(turning_clouds, tmp_path, settings)
    trainer.train(lambda progress: None, lambda: False)
    assert trainer.learner.objective["base"].classifier.out_features == 4


def test_frames_without_a_category_are_left_out(tmp_path: Path) -> None:
    data = relabelled(tmp_path / "data", ["cup", "", "bowl"])
    batches = PairBatches(data, replace(SETTINGS, batch=8, image_size=8), ("train",))
    assert set(data.episode_of[batches.sampler.anchors]) == {0, 2}


@pytest.mark.parametrize(("categories", "found"), [(["", ""], "no category"), (["cup", "cup"], "only cup")])
def test_missing_labels_are_named(tmp_path: Path, categories: list[str], found: str) -> None:
    data = relabelled(tmp_path / "data", categories)
    with pytest.raises(DataError, match=rf"labels are missing: .* has {found}"):
        PairBatches(data, replace(SETTINGS, batch=8, image_size=8), ("train",))


def test_online_training_has_no_labels() -> None:
    with pytest.raises(ConfigError, match="supervised needs labelled data"):
        resolve(SETTINGS, OnlineSettings(), None, None)
