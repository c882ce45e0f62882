from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.streams.joints import (
    BRACKET_TOO_WIDE,
    JOINT_MISSING,
    NO_STATE_BEFORE,
    STREAM_ENDED,
    STREAM_SILENT,
    WENT_BACKWARD,
)
from aassl_ros.data.streams.sample import Sample
from aassl_ros.data.streams.sync import Synchronizer, SyncSettings
from aassl_ros.errors import TrajectoryError
from aassl_ros.motion.trajectory import Trajectory

MS = 1_000_000
SECOND = 1000 * MS


def move(stamp_ns: int, position: float, joint: str = "a") -> Trajectory:
    """A command to be at `position` at once."""
    return Trajectory((joint,), stamp_ns, np.zeros(1, np.int64), np.array([[position]]))


def angle(stamp_ns: int) -> float:
    return math.sin(stamp_ns / SECOND)


def play(
    synchronizer: Synchronizer, frames: Iterable[int], joints: Iterable[int], *, flush: bool = True
) -> list[Sample]:
    """Frames and joint states in order of their stamps, `ready` asked after each."""
    samples = []
    for stamp, is_joint in sorted([(stamp, False) for stamp in frames] + [(stamp, True) for stamp in joints]):
        if is_joint:
            synchronizer.add_joint_state(stamp, ["a"], [angle(stamp)])
        else:
            synchronizer.add_frame(stamp, f"frame {stamp}")
        samples += synchronizer.ready()
    return samples + (synchronizer.flush() if flush else [])


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([3, 7, 20, 400, 30_000, -2, -1500])), max_size=80),
    st.sampled_from([0.02, 1.0]),
)
def test_messages_that_decide_nothing_change_no_decision(
    messages: list[tuple[bool, int]], sample_timeout: float
) -> None:
    quick, slow = (Synchronizer(SyncSettings(sample_timeout=sample_timeout)) for _ in range(2))
    stamp = 5 * SECOND
    for is_joint, step in messages:
        stamp = max(0, stamp + step * MS)
        for synchronizer in (quick, slow):
            if is_joint:
                synchronizer.add_joint_state(stamp, ["a"], [0.0])
            else:
                synchronizer.add_frame(stamp, None)
        slow._quiet_until_ns = 0  # decide after each message
        made = [(one.stamp_ns, one.bracket_ns) for one in quick.ready()]
        assert made == [(one.stamp_ns, one.bracket_ns) for one in slow.ready()]
        assert (quick.counts, quick.pending) == (slow.counts, slow.pending)


@given(
    frames=st.lists(st.integers(1, 3000), min_size=1, max_size=30, unique=True).map(sorted),
    joints=st.lists(st.integers(1, 3000), min_size=2, max_size=100, unique=True).map(sorted),
    data=st.data(),
)
def test_every_frame_between_the_first_and_last_joint_stamp_has_one_sample_for_any_order_of_messages(
    frames: list[int], joints: list[int], data: st.DataObject
) -> None:
    synchronizer = Synchronizer(SyncSettings(sample_timeout=60.0, max_bracket_s=10.0))
    # Each stream keeps its order; the two are mixed in any way.
    choices = data.draw(st.permutations([True] * len(joints) + [False] * len(frames)))
    waiting = {True: list(joints), False: list(frames)}
    samples = []
    for is_joint in choices:
        stamp = waiting[is_joint].pop(0) * MS
        if is_joint:
            synchronizer.add_joint_state(stamp, ["a"], [angle(stamp)])
        else:
            synchronizer.add_frame(stamp, stamp)
        samples += synchronizer.ready()
    samples += synchronizer.flush()
    assert [sample.stamp_ns for sample in samples] == [
        stamp * MS for stamp in frames if joints[0] <= stamp <= joints[-1]
    ]
    assert all(sample.frame == sample.stamp_ns for sample in samples)
    assert synchronizer.counts.samples + sum(synchronizer.counts.rejected.values()) == len(frames)


def test_a_frame_between_two_joint_states_gets_the_state_between_them() -> None:
    frames = [SECOND + k * 33 * MS for k in range(60)]
    samples = play(Synchronizer(), frames, range(SECOND, 4 * SECOND, 10 * MS))
    assert len(samples) == 60
    for sample in samples:
        assert sample.position[0] == pytest.approx(angle(sample.stamp_ns), abs=2e-5)
        assert sample.bracket_ns <= 10 * MS


def test_samples_come_soon_after_their_frames_not_at_the_end() -> None:
    samples = play(Synchronizer(), [SECOND + 5 * MS], range(SECOND, SECOND + 100 * MS, 10 * MS), flush=False)
    assert len(samples) == 1


def test_frames_without_a_sample_are_reported_with_the_reason() -> None:
    reported: list[tuple[int, str]] = []
    synchronizer = Synchronizer(SyncSettings(), lambda stamp, frame, reason: reported.append((stamp, reason)))
    joints = [*range(SECOND, 2 * SECOND, 10 * MS), *range(3 * SECOND, 4 * SECOND, 10 * MS)]
    play(synchronizer, [SECOND - 1, SECOND + 1, 2 * SECOND + 500 * MS, 4 * SECOND], joints)
    assert reported == [
        (SECOND - 1, NO_STATE_BEFORE),
        (2 * SECOND + 500 * MS, BRACKET_TOO_WIDE),
        (4 * SECOND, STREAM_ENDED),
    ]
    assert synchronizer.counts.rejected == {NO_STATE_BEFORE: 1, BRACKET_TOO_WIDE: 1, STREAM_ENDED: 1}


def test_a_frame_whose_stamp_goes_backward_is_counted_and_gets_no_sample() -> None:
    synchronizer = Synchronizer()
    synchronizer.add_frame(2 * SECOND, "first")
    synchronizer.add_frame(SECOND, "earlier")
    for stamp in range(SECOND, 3 * SECOND, 10 * MS):
        synchronizer.add_joint_state(stamp, ["a"], [0.0])
    assert [sample.frame for sample in synchronizer.ready()] == ["first"]
    assert synchronizer.counts.rejected == {WENT_BACKWARD: 1}


def test_if_joint_states_stop_frames_wait_no_longer_than_the_timeout() -> None:
    synchronizer = Synchronizer(SyncSettings(sample_timeout=0.5))
    play(synchronizer, range(SECOND, 5 * SECOND, 33 * MS), range(SECOND, 2 * SECOND, 10 * MS), flush=False)
    assert synchronizer.pending <= 0.5 * SECOND / (33 * MS) + 1
    assert synchronizer.counts.rejected[STREAM_SILENT] > 60


def test_a_joint_that_stops_affects_only_its_frames() -> None:
    synchronizer = Synchronizer(SyncSettings(sample_timeout=0.2))
    for k in range(300):
        stamp = SECOND + k * 10 * MS
        names = ["a", "b"] if k < 100 or k >= 200 else ["a"]
        synchronizer.add_joint_state(stamp, names, [0.0] * len(names))
        if k % 3 == 0:
            synchronizer.add_frame(stamp + 1, k)
        synchronizer.ready()
    synchronizer.flush()
    counts = synchronizer.counts
    lost = counts.rejected[JOINT_MISSING] + counts.rejected[BRACKET_TOO_WIDE]
    assert lost == pytest.approx(34, abs=2)
    assert counts.samples == counts.frames - lost - counts.rejected[STREAM_ENDED]


def test_before_any_command_a_sample_has_no_command() -> None:
    synchronizer = Synchronizer()
    synchronizer.add_command(move(SECOND + 500 * MS, 7.0), receipt_ns=0)
    samples = play(synchronizer, [SECOND + 400 * MS, SECOND + 600 * MS], range(SECOND, 2 * SECOND, 10 * MS))
    assert samples[0].command is None
    assert samples[1].command is not None
    assert (samples[1].command_names, samples[1].command.tolist()) == (("a",), [7.0])


def test_a_command_without_a_stamp_is_active_from_its_receipt() -> None:
    synchronizer = Synchronizer()
    synchronizer.add_command(move(0, 1.0), receipt_ns=SECOND + 100 * MS)
    samples = play(synchronizer, [SECOND + 50 * MS, SECOND + 150 * MS], range(SECOND, 2 * SECOND, 10 * MS))
    assert [sample.command is None for sample in samples] == [True, False]


def test_a_command_that_comes_a_little_late_still_counts_for_its_frames() -> None:
    synchronizer = Synchronizer()
    for stamp in range(SECOND, SECOND + 150 * MS, 10 * MS):
        synchronizer.add_joint_state(stamp, ["a"], [0.0])
        if stamp == SECOND + 100 * MS:
            synchronizer.add_frame(stamp + MS, "frame")
        if stamp == SECOND + 130 * MS:
            synchronizer.add_command(move(SECOND + 100 * MS, 3.0), receipt_ns=stamp)
        assert not synchronizer.ready()
    (sample,) = synchronizer.flush()
    assert sample.command is not None
    assert sample.command.tolist() == [3.0]
    assert synchronizer.counts.late_commands == 0


def test_a_command_too_late_for_its_frames_is_counted() -> None:
    synchronizer = Synchronizer()
    play(synchronizer, [SECOND + 500 * MS], range(SECOND, 2 * SECOND, 10 * MS))
    synchronizer.add_command(move(SECOND + 100 * MS, 3.0), receipt_ns=2 * SECOND)
    assert synchronizer.counts.late_commands == 1


def test_separate_joint_groups_are_joined_in_one_command() -> None:
    synchronizer = Synchronizer()
    synchronizer.add_command(move(SECOND, 1.0, "a"), receipt_ns=0)
    synchronizer.add_command(move(SECOND + 500 * MS, 2.0, "finger"), receipt_ns=0)
    samples = play(synchronizer, [SECOND + 100 * MS, SECOND + 600 * MS], range(SECOND, 2 * SECOND, 10 * MS))
    assert samples[1].command_names == ("a", "finger")
    np.testing.assert_array_equal(samples[0].command, [1.0, math.nan])
    np.testing.assert_array_equal(samples[1].command, [1.0, 2.0])


def test_a_stamp_offset_moves_a_stream_but_not_the_stamp_of_the_sample() -> None:
    settings = SyncSettings(frame_stamp_offset_s=-0.1)
    (sample,) = play(Synchronizer(settings), [2 * SECOND], range(SECOND, 3 * SECOND, 10 * MS))
    assert sample.stamp_ns == 2 * SECOND
    assert sample.position[0] == pytest.approx(angle(2 * SECOND - 100 * MS), abs=2e-5)


def test_old_joint_states_are_dropped() -> None:
    synchronizer = Synchronizer()
    play(synchronizer, [], range(SECOND, 60 * SECOND, 10 * MS))
    synchronizer.add_frame(10 * SECOND, "far too late")
    assert synchronizer.flush() == []
    assert synchronizer.counts.rejected == {NO_STATE_BEFORE: 1}


def test_the_median_bracket_is_that_of_the_samples() -> None:
    synchronizer = Synchronizer()
    play(synchronizer, range(SECOND + 1, 2 * SECOND, 33 * MS), range(SECOND, 2 * SECOND + 1, 20 * MS))
    assert synchronizer.counts.bracket_ms_median == 20.0
    assert Synchronizer().counts.bracket_ms_median is None


def test_after_the_clock_jumps_back_nothing_from_before_is_mixed_with_later_messages() -> None:
    synchronizer = Synchronizer()
    samples = []
    for run in (1.0, 2.0):  # a simulator started again: the same stamps twice
        for k in range(1000):
            stamp = SECOND + k * 10 * MS
            synchronizer.add_joint_state(stamp, ["a"], [run])
            if k % 100 == 50:
                synchronizer.add_command(move(stamp, run), stamp)
            if k % 3 == 0:
                synchronizer.add_frame(stamp + MS, run)
            samples += synchronizer.ready()
    samples += synchronizer.flush()
    assert all(sample.position[0] == sample.frame for sample in samples)
    assert all(sample.command is None or sample.command[0] == sample.frame for sample in samples)
    assert len(samples) >= 2 * 334 - 8
    assert synchronizer.counts.restarts >= 1
    assert synchronizer.counts.samples + sum(synchronizer.counts.rejected.values()) == synchronizer.counts.frames


def test_a_single_wrong_stamp_or_zero_stamps_restart_nothing() -> None:
    synchronizer = Synchronizer()
    for stamp in range(5 * SECOND, 6 * SECOND, 10 * MS):
        synchronizer.add_joint_state(stamp, ["a"], [0.0])
        synchronizer.add_frame(stamp + MS, None)
        if stamp % (100 * MS) == 0:
            synchronizer.add_joint_state(stamp - 3 * SECOND, ["a"], [0.0])
            synchronizer.add_frame(0, None)
    assert synchronizer.counts.restarts == 0
    assert len(synchronizer.flush()) == 99


@pytest.mark.parametrize("start_ns", [5 * SECOND, 1_800_000_000 * SECOND], ids=["simulated", "real"])
def test_a_command_that_another_clock_has_stamped_is_refused(start_ns: int) -> None:
    other = 1_800_000_000 * SECOND if start_ns == 5 * SECOND else 5 * SECOND
    synchronizer = Synchronizer()
    synchronizer.add_joint_state(other, ["a"], [0.0])
    with pytest.raises(TrajectoryError, match="by another clock"):
        synchronizer.add_command(move(start_ns, 1.0), receipt_ns=other)
    synchronizer.add_command(move(other, 1.0), receipt_ns=other)
    assert synchronizer.counts.late_commands == 0
