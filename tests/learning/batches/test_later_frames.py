"""Frames after a pair: sequences stay within the episode and the window, and each action leads to its frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.later_frames import draw_later
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.online.settings import OnlineSettings, resolve
from aassl_ros.learning.settings import LearnerSettings

SETTINGS = LearnerSettings(method="seq_jepa", batch=16, image_size=32, width=4, window="frames:2")


@pytest.mark.parametrize("window", ["frames:2", "next", "episode"])
def test_each_frame_is_a_partner_of_the_one_before(turning_clouds: PreparedData, window: str) -> None:
    batches = PairBatches(turning_clouds, replace(SETTINGS, window=window), ("train",))
    first, second = next(batches.sampler.epoch(np.random.default_rng(0), 16))
    (start, third), (start_again, fourth) = draw_later(batches.sampler, first, second, 2, np.random.default_rng(1))
    assert start.tolist() == second.tolist()
    assert start_again.tolist() == third.tolist()
    steps = [(first, second), (second, third), (third, fourth)]
    for before, after in steps:
        assert (turning_clouds.episode_of[before] == turning_clouds.episode_of[after]).all()
        assert (before != after).all()
        if window != "episode":
            assert np.abs(after - before).max() <= (2 if window == "frames:2" else 1)


def test_a_batch_has_the_images_and_actions_of_its_sequences(turning_clouds: PreparedData) -> None:
    batches = PairBatches(turning_clouds, SETTINGS, ("train",))
    pairs = PairBatches(turning_clouds, replace(SETTINGS, method="aa_simclr"), ("train",))
    sequence = next(batches.epoch(np.random.default_rng(0)))
    pair = next(pairs.epoch(np.random.default_rng(0)))
    # Methods of pairs and of sequences train on the same pairs.
    assert np.array_equal(sequence.first, pair.first)
    assert np.array_equal(sequence.second, pair.second)
    assert np.array_equal(sequence.action, pair.action)
    assert pair.later is None
    assert sequence.later is not None
    assert sequence.later.images.shape == (2, 16, 32, 32, 3)
    assert batches.space is not None
    assert batches.normalisation is not None

    def frames(images: np.ndarray) -> np.ndarray:
        return np.array([int(np.argmax((turning_clouds.frames == image).all(axis=(1, 2, 3)))) for image in images])

    path = [frames(images) for images in (sequence.second, *sequence.later.images)]
    for number in range(2):
        action = batches.space.displacement(turning_clouds, path[number], path[number + 1])
        np.testing.assert_allclose(sequence.later.actions[number], batches.normalisation(action), atol=1e-6)


def test_the_trainer_node_says_that_it_draws_pairs() -> None:
    with pytest.raises(ConfigError, match="seq_jepa takes sequences of frames, but the trainer node draws pairs"):
        resolve(SETTINGS, OnlineSettings(checkpoint=""), None, None)
