from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.streams.joint_groups import Rows
from aassl_ros.data.streams.joints import (
    BRACKET_TOO_WIDE,
    JOINT_MISSING,
    NO_STATE_BEFORE,
    NOT_FINITE,
    STREAM_ENDED,
    WENT_BACKWARD,
    WRONG_LENGTH,
    JointState,
    JointStream,
)

MS = 1_000_000
ANY_BRACKET = 10**15


def stream(*messages: tuple[int, list[str], list[float]], joints: tuple[str, ...] = ()) -> JointStream:
    made = JointStream(joints)
    for stamp_ns, names, positions in messages:
        assert made.add(stamp_ns, names, positions)
    return made


def state_at(joints: JointStream, stamp_ns: int) -> JointState:
    state = joints.at(stamp_ns, ANY_BRACKET)
    assert isinstance(state, JointState)
    return state


_stamps = st.lists(st.integers(1, 10**12), min_size=2, max_size=20, unique=True).map(sorted)
_angles = st.floats(-10, 10)


@given(stamps=_stamps, data=st.data())
def test_a_state_lies_between_the_two_around_it(stamps: list[int], data: st.DataObject) -> None:
    positions = data.draw(st.lists(_angles, min_size=len(stamps), max_size=len(stamps)))
    joints = stream(*[(stamp, ["a"], [position]) for stamp, position in zip(stamps, positions, strict=True)])
    at = data.draw(st.integers(stamps[0], stamps[-1]))
    after = next(index for index, stamp in enumerate(stamps) if stamp >= at)
    low, high = sorted((positions[max(after - 1, 0)], positions[after]))
    assert low - 1e-9 <= state_at(joints, at).position[0] <= high + 1e-9


@given(stamps=_stamps, slope=_angles, start=_angles, data=st.data())
def test_a_joint_at_constant_speed_is_interpolated_exactly(
    stamps: list[int], slope: float, start: float, data: st.DataObject
) -> None:
    def line(stamp: int) -> float:
        return start + slope * (stamp - stamps[0]) / (stamps[-1] - stamps[0])

    joints = stream(*[(stamp, ["a"], [line(stamp)]) for stamp in stamps])
    at = data.draw(st.integers(stamps[0], stamps[-1]))
    assert state_at(joints, at).position[0] == pytest.approx(line(at), abs=1e-9)


@given(stamps=_stamps, data=st.data())
def test_at_a_message_the_state_is_that_message(stamps: list[int], data: st.DataObject) -> None:
    joints = stream(*[(stamp, ["a", "b"], [float(stamp), -1.0]) for stamp in stamps])
    at = data.draw(st.sampled_from(stamps))
    state = state_at(joints, at)
    assert (state.position[0], state.bracket_ns) == (float(at), 0)


@given(order=st.permutations(["a", "b", "c"]))
def test_the_order_of_names_in_a_message_does_not_matter(order: list[str]) -> None:
    value = {"a": 1.0, "b": 2.0, "c": 3.0}
    joints = stream((0, ["a", "b", "c"], [0, 0, 0]), (10, order, [value[name] for name in order]))
    assert state_at(joints, 5).position.tolist() == [0.5, 1.0, 1.5]


def test_partial_messages_are_merged_by_name_each_with_its_own_rate() -> None:
    joints = JointStream()
    for k in range(11):
        joints.add(k * 10 * MS, ["arm"], [k])
        if k % 5 == 0:
            joints.add(k * 10 * MS + 1, ["finger"], [-k])
    state = state_at(joints, 45 * MS)
    assert state.names == ("arm", "finger")
    assert state.position == pytest.approx([4.5, -4.5], abs=1e-6)
    assert state.bracket_ns == 50 * MS


def test_velocity_and_effort_are_interpolated_too_and_unknown_if_missing() -> None:
    joints = JointStream()
    joints.add(0, ["a"], [0], [1], [])
    joints.add(10, ["a"], [0], [2], [])
    state = state_at(joints, 5)
    assert state.velocity.tolist() == [1.5]
    assert math.isnan(state.effort[0])


@pytest.mark.parametrize(
    ("names", "positions", "velocities", "reason"),
    [
        (["a"], [math.nan], [], NOT_FINITE),
        (["a"], [math.inf], [], NOT_FINITE),
        (["a", "b"], [1.0], [], WRONG_LENGTH),
        (["a"], [1.0], [1.0, 2.0], WRONG_LENGTH),
        (["a", "a"], [1.0, 1.0], [], WRONG_LENGTH),
        ([], [], [], WRONG_LENGTH),
    ],
)
def test_a_bad_message_is_dropped_and_counted(
    names: list[str], positions: list[float], velocities: list[float], reason: str
) -> None:
    joints = stream((0, ["a"], [0.0]))
    assert not joints.add(10, names, positions, velocities)
    assert joints.dropped == {reason: 1}
    joints.add(20, ["a"], [2.0])
    assert state_at(joints, 10).position.tolist() == [1.0]


@pytest.mark.parametrize("stamp", [5, 10])
def test_a_stamp_that_does_not_increase_is_dropped_and_counted(stamp: int) -> None:
    joints = stream((0, ["a"], [0.0]), (10, ["a"], [1.0]))
    assert not joints.add(stamp, ["a"], [9.0])
    assert joints.dropped == {WENT_BACKWARD: 1}
    assert state_at(joints, 10).position.tolist() == [1.0]


def test_a_velocity_that_is_not_a_number_drops_nothing() -> None:
    joints = JointStream()
    assert joints.add(0, ["a"], [0], [math.nan])


def test_the_reason_for_a_missing_state_is_returned() -> None:
    joints = stream((100, ["a"], [0.0]), (200, ["a"], [1.0]), (900, ["a"], [2.0]))
    assert joints.at(99, ANY_BRACKET) == NO_STATE_BEFORE
    assert joints.at(901, ANY_BRACKET) == STREAM_ENDED
    assert joints.at(500, 699) == BRACKET_TOO_WIDE
    assert isinstance(joints.at(500, 700), JointState)
    assert JointStream().at(1, ANY_BRACKET) == NO_STATE_BEFORE


def test_a_joint_renamed_midway_is_missing_from_then_on() -> None:
    joints = stream(
        (0, ["a", "b"], [0, 0]), (10, ["a", "b"], [1, 1]), (20, ["a", "c"], [2, 2]), (30, ["a", "c"], [3, 3])
    )
    assert isinstance(joints.at(10, ANY_BRACKET), JointState)
    assert joints.at(25, ANY_BRACKET) == JOINT_MISSING


def test_a_wanted_joint_never_received_is_missing_and_others_are_ignored() -> None:
    absent = stream((0, ["a"], [0]), (10, ["a"], [1]), joints=("a", "b"))
    assert absent.at(5, ANY_BRACKET) == JOINT_MISSING
    assert absent.complete_through_ns is None
    chosen = stream((0, ["z", "b", "a"], [9, 0, 0]), (10, ["z", "b", "a"], [9, 2, 1]), joints=("a", "b"))
    assert state_at(chosen, 5).names == ("a", "b")
    assert state_at(chosen, 5).position.tolist() == [0.5, 1.0]


def test_dropped_states_are_not_needed_for_later_stamps() -> None:
    joints = stream(*[(k, ["a"], [float(k)]) for k in range(2000)])
    before = state_at(joints, 1500).position
    joints.forget_before(1500)
    np.testing.assert_array_equal(state_at(joints, 1500).position, before)
    assert joints.at(10, ANY_BRACKET) == NO_STATE_BEFORE


def take(joints: JointStream, stamp_ns: int, names: tuple[str, ...], rows: Rows, *, short: bool) -> bool:
    """Take a message as Synchronizer does."""
    if short and joints.add_usual(stamp_ns, names, rows):
        return True
    if joints.jumps_back(stamp_ns, names):
        joints.clear()
    return joints.add_numbers(stamp_ns, names, rows)


_messages = st.tuples(
    st.sampled_from([5 * MS, 5 * MS, 5 * MS, 0, -3 * MS, -2000 * MS]),
    st.sampled_from([("a", "b"), ("a", "b"), ("a", "b"), ("b", "a"), ("a",), ("b", "c"), ("a", "a"), ()]),
    st.sampled_from([0.0, 0.0, 0.001, math.nan]),
    st.sampled_from([2, 2, 1, 0]),
)


@given(st.lists(_messages, max_size=40), st.sampled_from([(), ("a", "b"), ("b",)]))
def test_the_short_way_for_usual_messages_takes_them_as_the_long_way(
    steps: list[tuple[int, tuple[str, ...], float, int]], wanted: tuple[str, ...]
) -> None:
    quick, long = JointStream(wanted), JointStream(wanted)
    stamp_ns, position = 3000 * MS, 0.0
    for step_ns, names, change, length in steps:
        stamp_ns = max(0, stamp_ns + step_ns)
        position = 0.0 if math.isnan(position) else position + change
        row = [position, 0.5][:length] if names else []
        rows = (row, row, [])
        assert take(quick, stamp_ns, names, rows, short=True) == take(long, stamp_ns, names, rows, short=False)
        assert (quick.dropped, quick.last_ns, quick.names) == (long.dropped, long.last_ns, long.names)
        assert quick.complete_through_ns == long.complete_through_ns
        assert str(quick.at(stamp_ns - 7 * MS, ANY_BRACKET)) == str(long.at(stamp_ns - 7 * MS, ANY_BRACKET))
