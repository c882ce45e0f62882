"""What a run tells of its features beside the loss, and that telling it changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.augmentation.augmentation import Augmentation
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.encoders.factory import build_encoder
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.run_folder import begin
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer
from aassl_ros.learning.training.training_probe import TrainingProbe

SETTINGS = TrainSettings(batch=96, width=4, epochs=2, window="frames:3", ema=0.9)  # 960 frames: 10 updates an epoch


def train(data: PreparedData, run: Path, settings: TrainSettings) -> list[dict]:
    """The lines of its log."""
    begin(run)
    Trainer(data, run, settings).train(lambda progress: None, lambda: False)
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_with_the_probe_and_without_it_the_weights_are_the_same_to_the_bit(
    turning_clouds: PreparedData, tmp_path: Path
) -> None:
    lines = {
        probe_every: train(turning_clouds, tmp_path / str(probe_every), replace(SETTINGS, probe_every=probe_every))
        for probe_every in (0.0, 0.4)
    }
    assert [line["step"] for line in lines[0.4] if "probe_knn" in line] == [4, 8, 12, 16, 20]
    assert all(0 <= line["probe_linear"] <= 1 for line in lines[0.4] if "probe_linear" in line)
    assert not any("probe_linear" in line for line in lines[0.0])
    probed, plain = (load_checkpoint(tmp_path / run) for run in ("0.4", "0.0"))
    assert probed.digest == plain.digest
    assert [line["loss"] for line in lines[0.4]] == [line["loss"] for line in lines[0.0]]


def test_it_names_what_can_be_seen_on_objects_it_was_not_fitted_to(tmp_path: Path) -> None:
    data = write_patterns(tmp_path / "data", instances=5, frames=10, image_size=32)
    settings = LearnerSettings(width=8, image_size=32)
    encoder = build_encoder(settings)
    probe = TrainingProbe(data, Augmentation(settings, 32).plain, torch.device("cpu"))
    right = probe(encoder)
    assert set(right) == {"probe_linear", "probe_knn"}
    assert min(right.values()) > 0.6  # of three categories, and stripes are seen by random weights too
    assert encoder.training


def test_without_labels_it_is_wrong_use(turning_clouds: PreparedData, tmp_path: Path) -> None:
    unlabelled = replace(turning_clouds, episodes=tuple(replace(row, category="") for row in turning_clouds.episodes))
    with pytest.raises(ConfigError, match=r"probe_every needs labels of the train objects: .* Or set probe_every=0\."):
        Trainer(unlabelled, tmp_path / "run", replace(SETTINGS, probe_every=1.0))


def test_each_epoch_logs_how_many_directions_features_use_and_warns_of_a_collapse_once(
    turning_clouds: PreparedData, tmp_path: Path
) -> None:
    begin(tmp_path / "run")
    trainer = Trainer(turning_clouds, tmp_path / "run", replace(SETTINGS, lr=0.0))
    with torch.no_grad():
        trainer.learner.encoder.conv1.weight.zero_()  # every image is the same to it, and lr leaves it so
    reported = []
    trainer.train(reported.append, lambda: False)
    ranks = {progress.step: progress.measures["rankme"] for progress in reported if "rankme" in progress.measures}
    assert ranks == {10: pytest.approx(1, abs=0.01), 20: pytest.approx(1, abs=0.01)}
    assert [progress.step for progress in reported if progress.warning] == [10]
    assert "the features collapse" in reported[9].warning
