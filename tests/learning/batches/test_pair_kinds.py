"""What makes a pair (classic, time, combined) and pairs seen in a mirror, from prepared data to the encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.errors import ConfigError
from aassl_ros.learning.augmentation.augmentation import Augmentation
from aassl_ros.learning.batches.flips import mirror_signs
from aassl_ros.learning.batches.live_batches import LiveBatches
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.run_folder import begin
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

SETTINGS = LearnerSettings(batch=32, image_size=32, width=4, method="simclr_tt", action_space="object_pose")


def first_batch(data: PreparedData, settings: LearnerSettings) -> Batch:
    return next(PairBatches(data, settings, ("train",)).epoch(np.random.default_rng(0)))


def test_the_setting_pairs_overrides_the_methods_own(turning_clouds: PreparedData) -> None:
    for method, own in (("simclr", "classic"), ("simclr_tt", "combined"), ("aa_simclr", "combined")):
        assert replace(SETTINGS, method=method).pair_kind == own
        assert replace(SETTINGS, method=method, pairs="time").pair_kind == "time"

    combined, classic = (first_batch(turning_clouds, replace(SETTINGS, pairs=kind)) for kind in ("combined", "classic"))
    assert (combined.first == classic.first).all()
    assert (combined.first != combined.second).any()
    assert classic.second is classic.first


def test_frames_as_they_are_reach_the_encoder_unchanged() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 32, 3), np.uint8)
    settings = replace(SETTINGS, pairs="time")
    learner, twin = Learner(settings), Learner(settings)

    losses = learner.step(images[0], images[1])

    plain = Augmentation(settings, 32).plain
    f, f_next = (twin.encoder(plain(torch.from_numpy(each))) for each in images)
    project = twin.objective["base"].projector
    expected = nt_xent(project(f), project(f_next), temperature=0.1)
    assert losses.total == pytest.approx(expected.item(), rel=1e-5)


def test_pairs_of_one_frame_teach_no_action(turning_clouds: PreparedData) -> None:
    with pytest.raises(ConfigError, match="pairs = classic, but aa_simclr uses actions"):
        PairBatches(turning_clouds, replace(SETTINGS, method="aa_simclr", pairs="classic"), ("train",))


def flipped(images: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """bool [N]: which images are mirrored, checked to be whole."""
    same = (images == plain).all(axis=(1, 2, 3))
    assert (same | (images == plain[:, :, ::-1]).all(axis=(1, 2, 3))).all()
    return ~same


def test_both_images_of_a_pair_are_flipped_together_and_its_action_with_them(turning_clouds: PreparedData) -> None:
    settings = replace(SETTINGS, method="aa_simclr")
    plain = first_batch(turning_clouds, settings)
    mirrored = first_batch(turning_clouds, replace(settings, flip_probability=0.5))
    batches = PairBatches(turning_clouds, settings, ("train",))
    assert batches.space is not None
    assert batches.normalisation is not None
    assert plain.action is not None
    assert mirrored.action is not None

    turned = flipped(mirrored.first, plain.first)

    assert 4 < turned.sum() < 28
    np.testing.assert_array_equal(turned, flipped(mirrored.second, plain.second))
    raw = plain.action * batches.normalisation.scale + batches.normalisation.median
    expected = np.where(turned[:, None], batches.normalisation(raw * mirror_signs(batches.space)), plain.action)
    np.testing.assert_allclose(mirrored.action, expected, atol=1e-4)


def test_two_views_of_one_frame_are_flipped_each_on_its_own(turning_clouds: PreparedData) -> None:
    plain = first_batch(turning_clouds, replace(SETTINGS, method="simclr"))
    mirrored = first_batch(turning_clouds, replace(SETTINGS, method="simclr", flip_probability=0.5))

    assert (flipped(mirrored.first, plain.first) != flipped(mirrored.second, plain.first)).any()


def test_a_space_that_cannot_be_mirrored_refuses_flips(turning_clouds: PreparedData) -> None:
    settings = replace(SETTINGS, method="aa_simclr", action_space="joints", flip_probability=0.5)
    with pytest.raises(
        ConfigError, match=r"flip_probability is above 0, but actions of joints .wrist, elbow. cannot be mirrored"
    ):
        PairBatches(turning_clouds, settings, ("train",))


def test_live_pairs_are_flipped_too() -> None:
    rng = np.random.default_rng(0)
    buffer = ReplayBuffer(64, 8, ())
    for number in range(64):
        turn = np.sin(1e-4 * number**2), np.cos(1e-4 * number**2)  # ever faster, about y
        buffer.append(
            np.full((8, 8, 3), number, np.uint8), number, "one", object_pose=[0, 0, 0.5, 0, turn[0], 0, turn[1]]
        )
    buffer.frames[:, :, :4] += 100  # brighter on the left
    settings = replace(SETTINGS, method="aa_simclr", image_size=8, flip_probability=0.5, window="next")
    batches = LiveBatches(settings, known=None, replay=None, replay_sets=(), replay_fraction=0)
    batches.choose_space(buffer, rng)

    batch = batches.draw(buffer, rng)

    right = batch.first[:, 0, -1, 0] > batch.first[:, 0, 0, 0]
    assert 4 < right.sum() < 28
    np.testing.assert_array_equal(right, batch.second[:, 0, -1, 0] > batch.second[:, 0, 0, 0])
    assert batch.action is not None
    assert batches.normalisation is not None
    turns = batch.action[:, 1] * batches.normalisation.scale[1] + batches.normalisation.median[1]
    np.testing.assert_array_equal(turns < 0, right)


def test_a_run_keeps_its_kind_of_pairs_and_one_of_before_there_was_a_choice_still_loads(
    turning_clouds: PreparedData, tmp_path: Path
) -> None:
    settings = TrainSettings(
        batch=64, width=4, method="simclr_tt", pairs="time", flip_probability=0.5, max_seconds=1e-6
    )
    begin(tmp_path / "run")
    Trainer(turning_clouds, tmp_path / "run", settings).train(lambda progress: None, lambda: False)

    loaded = load_checkpoint(tmp_path / "run")

    assert (loaded.settings.pairs, loaded.settings.flip_probability) == ("time", 0.5)
    table = loaded.path / "checkpoint.json"
    table.write_text(table.read_text().replace('"pairs": "time",', "").replace('"flip_probability": 0.5,', ""))
    older = load_checkpoint(tmp_path / "run")
    assert (older.settings.pair_kind, older.settings.flip_probability) == ("combined", 0.0)
