from __future__ import annotations

import tracemalloc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.window import Window
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

SECOND = 1_000_000_000


def recorded(*lengths: int, period_s: float = 0.1, turn_deg: float = 5.0) -> Any:
    """Episodes of these lengths, each starting at 1 s, its object turning steadily about one axis."""
    within = np.concatenate([np.arange(length) for length in lengths])
    poses = np.zeros((len(within), 7))
    poses[:, 3:] = rotations.from_rotation_vector(np.radians(within * turn_deg)[:, None] * [[0, 0, 1]])
    return SimpleNamespace(
        stamps_ns=SECOND + (within * period_s * SECOND).astype(np.int64),
        episode_of=np.repeat(np.arange(len(lengths)), lengths),
        object_pose=poses,
        tip_pose=np.full((len(within), 7), np.nan),
        recorded=np.zeros((len(within), 0)),
        recorded_names=(),
    )


def partners_seen(states: Any, window: Window, anchor: int, frames: NDArray[np.int64] | None = None) -> set[int]:
    sampler = PairSampler(states, np.arange(len(states.stamps_ns)) if frames is None else frames, window)
    return set(sampler.partners(np.full(2000, anchor), np.random.default_rng(0)).tolist())


def test_a_partner_is_any_other_frame_of_the_episode() -> None:
    states = recorded(4, 6, 5)

    assert partners_seen(states, Window(), 6) == {4, 5, 7, 8, 9}


def test_partners_are_drawn_uniformly() -> None:
    states = recorded(3, 11)
    sampler = PairSampler(states, np.arange(14), Window("frames", 2, 4))

    drawn = sampler.partners(np.full(60_000, 6), np.random.default_rng(0))

    found, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_array_equal(found, [3, 4, 8, 9, 10])
    np.testing.assert_allclose(counts, 12_000, rtol=0.05)


def test_a_window_in_frames_is_cut_to_the_episode() -> None:
    states = recorded(5, 5)

    assert partners_seen(states, Window("frames", 0, 2), 5) == {6, 7}
    assert partners_seen(states, Window("frames", 0, 2), 4) == {2, 3}
    assert partners_seen(states, Window("frames", 1, 1), 2) == {1, 3}


def test_next_is_the_frame_after_and_the_last_one_has_none() -> None:
    states = recorded(5, 3)
    sampler = PairSampler(states, np.arange(8), Window("next"))

    np.testing.assert_array_equal(sampler.anchors, [0, 1, 2, 3, 5, 6])
    np.testing.assert_array_equal(sampler.partners(sampler.anchors, np.random.default_rng(0)), [1, 2, 3, 4, 6, 7])


def test_a_walk_ends_within_its_steps_and_the_episode_and_never_where_it_started() -> None:
    states = recorded(3, 20, 2)

    assert partners_seen(states, Window("walk", maximum=1), 10) == {9, 11}
    assert partners_seen(states, Window("walk", maximum=3), 10) == {7, 8, 9, 11, 12, 13}
    assert partners_seen(states, Window("walk", maximum=4), 3) == {4, 5, 6, 7}
    assert partners_seen(states, Window("walk", maximum=6), 23) == {24}
    assert partners_seen(states, Window("walk", maximum=9), 0) == {1, 2}


def test_walks_have_the_same_distribution_as_single_steps() -> None:
    """The reference moves one frame at a time and is reflected at both ends."""
    rng, length, begin, steps = np.random.default_rng(0), 6, 1, 5

    def reference() -> int:
        at = begin
        for _ in range(rng.integers(1, steps + 1)):
            at += 1 if at == 0 else -1 if at == length - 1 else rng.choice((-1, 1))
        return at

    drawn = np.array([reference() for _ in range(20_000)])
    expected = np.bincount(drawn[drawn != begin], minlength=length) / (drawn != begin).sum()
    sampler = PairSampler(recorded(length), np.arange(length), Window("walk", maximum=steps))
    found = sampler.partners(np.full(20_000, begin), rng)

    np.testing.assert_allclose(np.bincount(found, minlength=length) / len(found), expected, atol=0.015)


def test_a_window_in_seconds_uses_stamps_even_if_episodes_share_them() -> None:
    states = recorded(10, 10)

    assert partners_seen(states, Window("seconds", 0.15, 0.31), 12) == {10, 14, 15}


def test_a_window_in_degrees_uses_the_rotation_of_the_object() -> None:
    states = recorded(30, 30)

    assert partners_seen(states, Window("degrees", 14.9, 20.1), 40) == {36, 37, 43, 44}


def test_the_rotation_of_the_tip_is_used_if_the_object_is_unknown() -> None:
    states = recorded(30)
    states.object_pose, states.tip_pose = states.tip_pose, states.object_pose

    assert partners_seen(states, Window("degrees", 9.9, 10.1), 15) == {13, 17}


def test_a_recorded_angle_is_used_if_no_pose_is_known() -> None:
    states = recorded(30)
    states.recorded, states.recorded_names = 12.0 * np.arange(30)[:, None], ("table_deg",)
    states.object_pose[:] = np.nan

    assert partners_seen(states, Window("degrees", 23, 25), 15) == {13, 17}


def test_poses_of_object_and_tip_may_be_mixed_and_quaternions_may_have_any_length() -> None:
    states = recorded(30)
    states.tip_pose = states.object_pose * 3
    states.object_pose[13:16] = np.nan

    assert partners_seen(states, Window("degrees", 9.9, 10.1), 15) == {13, 17}
    assert partners_seen(states, Window("degrees", 9.9, 10.1), 19) == {17, 21}


def test_if_no_frame_is_in_the_window_the_nearest_one_is_used() -> None:
    states = recorded(6)

    assert partners_seen(states, Window("degrees", 90, 100), 0) == {5}


def test_frames_of_unknown_pose_are_skipped_in_a_window_in_degrees() -> None:
    states = recorded(6)
    states.object_pose[2] = np.nan
    sampler = PairSampler(states, np.arange(6), Window("degrees", 1, 30))

    np.testing.assert_array_equal(sampler.anchors, [0, 1, 3, 4, 5])


def test_only_the_given_frames_are_drawn() -> None:
    states = recorded(10, 10)

    assert partners_seen(states, Window(), 2, np.array([0, 2, 3, 7, 12, 13])) == {0, 3, 7}


def test_an_epoch_uses_each_frame_once_and_drops_the_last_partial_batch() -> None:
    states = recorded(10, 7, 1)
    sampler = PairSampler(states, np.arange(18), Window())

    batches = list(sampler.epoch(np.random.default_rng(0), 5))

    first = np.concatenate([batch[0] for batch in batches])
    second = np.concatenate([batch[1] for batch in batches])
    assert len(batches) == 3
    assert len(set(first)) == 15
    assert 17 not in first  # alone in its episode
    assert (first != second).all()
    np.testing.assert_array_equal(states.episode_of[first], states.episode_of[second])


def test_the_same_seed_draws_the_same_pairs() -> None:
    sampler = PairSampler(recorded(50, 50), np.arange(100), Window("degrees", 10, 30))

    one, two = (list(sampler.epoch(np.random.default_rng(7), 32)) for _ in range(2))

    np.testing.assert_array_equal(one, two)


def test_a_batch_needs_little_more_memory_for_a_million_frames_than_for_ten_thousand() -> None:
    rng = np.random.default_rng(0)

    def peak_bytes(count: int) -> int:
        states = SimpleNamespace(stamps_ns=np.arange(count) * 33_000_000, episode_of=np.arange(count) // 300)
        sampler = PairSampler(states, np.arange(count), Window("seconds", 0, 1))  # type: ignore[arg-type]
        anchors = rng.choice(sampler.anchors, 256)
        sampler.partners(anchors, rng)  # what is made once is made
        tracemalloc.start()
        sampler.partners(anchors, rng)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(1_000_000) < 2 * peak_bytes(10_000)  # a look at all frames would take a hundred times as much


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Window("metres", 0, 1), "'metres' is unknown"),
        (lambda: Window("frames", 3, 2), "expected 0 <= minimum <= maximum"),
        (lambda: Window("seconds", 0, 0), "expected 0 <= minimum <= maximum"),
        (lambda: Window("frames", 0, 0.5), "contains no other frame"),
        (lambda: Window("walk", maximum=2.5), "walk of 2.5 steps, expected a whole number"),
        (lambda: Window("walk"), "walk of inf steps"),
        (lambda: PairSampler(recorded(1, 1), np.arange(2), Window("next")), "no pair among 2 frames within one step"),
        (lambda: PairSampler(recorded(1, 1, 1), np.arange(3), Window()), "no pair among 3 frames"),
        (lambda: PairSampler(recorded(4), np.arange(4), Window("frames", 9, 12)), "within 9 to 12 frames"),
        (lambda: PairSampler(recorded(4), np.arange(0), Window()), "no pair among 0 frames"),
        (
            lambda: PairSampler(recorded(4), np.arange(1, 4), Window()).partners(
                np.array([0]), np.random.default_rng(0)
            ),
            "has no partner",
        ),
        (
            lambda: PairSampler(recorded(4, 1), np.arange(5), Window()).partners(
                np.array([4]), np.random.default_rng(0)
            ),
            "has no partner",
        ),
    ],
)
def test_errors_name_the_window_or_data_without_pairs(act: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        act()  # type: ignore[operator]


def test_episodes_of_one_picture_are_named_as_the_reason() -> None:
    with pytest.raises(DataError, match="Each episode has one picture: give the pictures of an object the same epis"):
        PairSampler(recorded(1, 1, 1), np.arange(3), Window())


def test_pairs_of_one_frame_need_no_other_frame_and_are_drawn_as_before_if_there_is_one() -> None:
    states, rng = recorded(1, 4, 1), np.random.default_rng(0)
    alone = PairSampler(states, np.arange(6), Window(), unpaired=True)
    np.testing.assert_array_equal(alone.anchors, np.arange(6))
    assert alone.partners(np.array([0, 5]), rng).tolist() == [0, 5]
    assert set(alone.partners(np.full(99, 2), rng).tolist()) == {1, 3, 4}

    samplers = (PairSampler(recorded(5, 5), np.arange(10), Window(), unpaired=each) for each in (False, True))
    np.testing.assert_array_equal(*(list(each.epoch(np.random.default_rng(3), 5)) for each in samplers))
