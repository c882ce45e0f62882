"""Named methods: which pairs they draw, and which parts they are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.settings import LearnerSettings

SETTINGS = LearnerSettings(batch=32, image_size=32, width=4)


def batches(data: PreparedData, **changes) -> PairBatches:
    return PairBatches(data, replace(SETTINGS, **changes), ("train",))


def test_simclr_sees_one_frame_twice_and_no_action(turning_clouds: PreparedData) -> None:
    batch = next(batches(turning_clouds, method="simclr").epoch(np.random.default_rng(0)))
    assert np.array_equal(batch.first, batch.second)
    assert batch.action is None


def test_simclr_tt_sees_two_frames_and_no_action(turning_clouds: PreparedData) -> None:
    batch = next(batches(turning_clouds, method="simclr_tt").epoch(np.random.default_rng(0)))
    assert (batch.first != batch.second).any((1, 2, 3)).all()
    assert batch.action is None


def test_aa_simclr_sees_two_frames_and_the_normalised_action_between_them(turning_clouds: PreparedData) -> None:
    made = batches(turning_clouds, window="frames:1")
    every = list(made.epoch(np.random.default_rng(0)))
    action = np.concatenate([batch.action for batch in every])
    assert made.space.name == "object_pose"
    assert action.shape == (len(every) * 32, made.action_dimension)
    # A turn of 15 degrees about any axis: undoing the normalisation gives its angle back.
    turn = action[:, :3] * made.normalisation.scale[:3] + made.normalisation.median[:3]
    np.testing.assert_allclose(np.degrees(np.linalg.norm(turn, axis=1)), 15, atol=0.1)
    assert 0.5 < np.percentile(action[:, 0], 75) - np.percentile(action[:, 0], 25) < 1.3


def test_every_method_draws_the_same_first_frames_for_one_seed(turning_clouds: PreparedData) -> None:
    firsts = [
        next(batches(turning_clouds, method=method).epoch(np.random.default_rng(5))).first
        for method in ("simclr", "simclr_tt", "aa_simclr")
    ]
    assert np.array_equal(firsts[0], firsts[1])
    assert np.array_equal(firsts[0], firsts[2])


def test_an_epoch_takes_each_frame_once_but_for_the_last_partial_batch(turning_clouds: PreparedData) -> None:
    made = batches(turning_clouds, batch=100)
    every = list(made.epoch(np.random.default_rng(0)))
    assert len(every) == len(made) == 960 // 100
    pictures = np.concatenate([batch.first for batch in every]).reshape(900, -1)
    assert len(np.unique(pictures, axis=0)) == 900


def test_skipping_batches_leaves_the_rest_as_they_were(turning_clouds: PreparedData) -> None:
    made = batches(turning_clouds)
    whole = list(made.epoch(np.random.default_rng(0)))
    rest = list(made.epoch(np.random.default_rng(0), skip=20))
    assert len(rest) == len(whole) - 20
    assert np.array_equal(rest[0].second, whole[20].second)


@pytest.mark.parametrize(
    ("name", "rotation", "size"),
    [("object_pose", "6d", 9), ("joints", "vector", 2), ("time", "vector", 1), ("turn_size", "vector", 1)],
)
def test_the_action_space_is_a_setting(turning_clouds: PreparedData, name: str, rotation: str, size: int) -> None:
    made = batches(turning_clouds, action_space=name, rotation=rotation)
    assert next(made.epoch(np.random.default_rng(0))).action.shape == (32, size)


def test_fewer_frames_than_a_batch_are_refused_with_the_number_there_is(turning_clouds: PreparedData) -> None:
    with pytest.raises(ConfigError, match=r"batch = 4096, but .* has only 960 frames .*--batch 960"):
        batches(turning_clouds, batch=4096)


def test_data_without_frames_of_the_sets_asked_for_are_refused(turning_clouds: PreparedData) -> None:
    with pytest.raises(DataError, match=r"no frames of the sets online \(found: train\)"):
        PairBatches(turning_clouds, SETTINGS, ("online",))


def test_an_arm_that_did_not_move_teaches_no_action(tmp_path) -> None:
    still = write_synthetic(tmp_path / "still", episodes=2, frames=20, image_size=8, turn_deg=0)
    with pytest.raises(DataError, match="every action is the same"):
        batches(still, batch=8)
    assert next(batches(still, batch=8, method="simclr_tt").epoch(np.random.default_rng(0))).action is None


@pytest.mark.parametrize(
    ("text", "unit", "minimum", "maximum"),
    [("episode", "episode", 0, float("inf")), ("frames:2", "frames", 0, 2), ("degrees:10:30", "degrees", 10, 30)],
)
def test_a_window_is_written_as_unit_and_bounds(text: str, unit: str, minimum: float, maximum: float) -> None:
    window = parse_window(text)
    assert (window.unit, window.minimum, window.maximum) == (unit, minimum, maximum)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hours:1",
        "frames",
        "frames:x",
        "episode:3",
        "next:1",
        "walk",
        "walk:0",
        "walk:1:2",
        "frames:1:2:3",
        "degrees:30:10",
    ],
)
def test_a_window_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected episode, next, walk:STEPS, UNIT:MAXIMUM"):
        parse_window(text)
