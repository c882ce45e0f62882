"""Ablations corrupt only what they name: the pairs are those of a run without ablation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.batches.ablations import AblationSettings, derangement
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.training.settings import TrainSettings

SETTINGS = TrainSettings(batch=64, window="frames:3")


def epoch(data: PreparedData, skip: int = 0, **controls: object) -> list[Batch]:
    settings = replace(SETTINGS, **controls)
    return list(PairBatches(data, settings, ("train",), controls=settings).epoch(np.random.default_rng(0), skip))


@given(count=st.integers(2, 300), seed=st.integers(0, 2**32))
def test_a_derangement_puts_each_in_the_place_of_another(count: int, seed: int) -> None:
    moved = derangement(count, np.random.default_rng(seed))
    assert sorted(moved) == list(range(count))
    assert (moved != np.arange(count)).all()


def test_one_alone_cannot_be_deranged() -> None:
    with pytest.raises(ValueError, match="a derangement of 1, expected 2"):
        derangement(1, np.random.default_rng(0))


def test_shuffled_actions_are_those_of_other_pairs_and_the_images_stay(turning_clouds: PreparedData) -> None:
    for plain, shuffled in zip(epoch(turning_clouds), epoch(turning_clouds, control="actions_shuffled"), strict=True):
        np.testing.assert_array_equal(shuffled.first, plain.first)
        np.testing.assert_array_equal(shuffled.second, plain.second)
        assert (shuffled.action != plain.action).any(axis=1).all()
        assert {tuple(row) for row in shuffled.action} == {tuple(row) for row in plain.action}


def test_shuffled_images_leave_anchors_and_actions(turning_clouds: PreparedData) -> None:
    plain, shuffled = epoch(turning_clouds)[0], epoch(turning_clouds, control="images_shuffled")[0]
    np.testing.assert_array_equal(shuffled.first, plain.first)
    np.testing.assert_array_equal(shuffled.action, plain.action)
    assert (shuffled.second != plain.second).any(axis=(1, 2, 3)).all()


def test_noise_has_the_deviation_asked_for_and_precision_the_step(turning_clouds: PreparedData) -> None:
    plain = np.concatenate([batch.action for batch in epoch(turning_clouds)])
    noisy = np.concatenate([batch.action for batch in epoch(turning_clouds, action_noise=0.5)])
    coarse = np.concatenate([batch.action for batch in epoch(turning_clouds, action_precision=0.25)])
    assert np.std(noisy - plain) == pytest.approx(0.5, rel=0.1)
    assert noisy.dtype == coarse.dtype == np.float32
    np.testing.assert_allclose(coarse, np.round(plain / 0.25) * 0.25, atol=1e-6)


def test_a_run_resumed_within_an_epoch_draws_the_same_corrupted_batches(turning_clouds: PreparedData) -> None:
    whole = epoch(turning_clouds, control="actions_shuffled", action_noise=0.3)
    rest = epoch(turning_clouds, skip=5, control="actions_shuffled", action_noise=0.3)
    for one, other in zip(whole[5:], rest, strict=True):
        np.testing.assert_array_equal(one.action, other.action)


def test_every_epoch_shuffles_anew(turning_clouds: PreparedData) -> None:
    settings = replace(SETTINGS, control="actions_shuffled")
    batches, rng = PairBatches(turning_clouds, settings, ("train",), controls=settings), np.random.default_rng(0)
    one, two = next(batches.epoch(rng)), next(batches.epoch(rng))
    assert not np.array_equal(one.action, two.action)


def test_by_default_nothing_is_corrupted() -> None:
    assert AblationSettings() == AblationSettings("none", 0.0, 0.0)


def test_shuffled_images_of_a_sequence_are_a_whole_sequence_of_another_pair(turning_clouds: PreparedData) -> None:
    plain, shuffled = (
        epoch(turning_clouds, control=control, method="seq_jepa")[0] for control in ("none", "images_shuffled")
    )
    places = {image.tobytes(): place for place, image in enumerate(plain.second)}
    order = [places[image.tobytes()] for image in shuffled.second]
    assert order != list(range(len(order)))
    for number in range(2):
        np.testing.assert_array_equal(shuffled.later.images[number], plain.later.images[number][order])
    np.testing.assert_array_equal(shuffled.later.actions, plain.later.actions)
