"""Which command is active at a given time: trajectories replace each other from their stamps on."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from aassl_ros.errors import TrajectoryError
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

MS = 1_000_000


def line(stamp_ms: int, *points: tuple[int, float], joint: str = "elbow") -> Trajectory:
    """A trajectory of one joint through (ms from its start, position), without velocities."""
    times = [time * MS for time, _ in points]
    return Trajectory((joint,), stamp_ms * MS, np.array(times), np.array([[position] for _, position in points]))


def test_before_any_command_there_are_no_joints():
    command = CommandInForce(("elbow", "wrist"))
    assert np.isnan(command.at(5 * MS)).all()
    command.add(line(10, (0, 1.0)), receipt_ns=10 * MS)
    assert np.isnan(command.at(9 * MS)).all()
    assert command.at(10 * MS)[0] == 1.0
    assert np.isnan(command.at(10 * MS)[1])


def test_without_velocities_the_command_moves_on_straight_lines_and_then_holds():
    command = CommandInForce()
    command.add(line(100, (0, 0.0), (100, 1.0), (300, 0.0)), receipt_ns=100 * MS)
    assert command.at(150 * MS)[0] == pytest.approx(0.5)
    assert command.velocity_at(150 * MS)[0] == pytest.approx(10.0)
    assert command.at(300 * MS)[0] == pytest.approx(0.5)
    assert command.at(9999 * MS)[0] == 0.0
    assert command.velocity_at(9999 * MS)[0] == 0.0


def test_a_new_trajectory_replaces_the_old_from_its_stamp_on_and_not_before():
    command = CommandInForce()
    command.add(line(0 + 100, (0, 0.0), (1000, 1.0)), receipt_ns=100 * MS)
    command.add(line(600, (0, 0.5), (100, 0.0)), receipt_ns=300 * MS)
    assert command.at(599 * MS)[0] == pytest.approx(0.499)
    assert command.at(650 * MS)[0] == pytest.approx(0.25)
    assert command.at(5000 * MS)[0] == 0.0


def test_a_trajectory_whose_first_point_is_later_starts_from_the_held_position():
    command = CommandInForce()
    command.add(line(100, (0, 0.0), (1000, 1.0)), receipt_ns=100 * MS)
    command.add(line(600, (200, 0.0)), receipt_ns=600 * MS)
    assert command.at(600 * MS)[0] == pytest.approx(0.5)
    assert command.at(700 * MS)[0] == pytest.approx(0.25)
    assert command.at(800 * MS)[0] == 0.0


def test_if_nothing_was_held_the_path_to_the_first_point_is_unknown():
    command = CommandInForce()
    command.add(line(100, (200, 1.0)), receipt_ns=100 * MS)
    assert np.isnan(command.at(200 * MS)[0])
    assert command.at(300 * MS)[0] == 1.0


def test_a_stamp_of_zero_means_at_receipt():
    command = CommandInForce()
    command.add(line(0, (0, 0.0), (100, 1.0)), receipt_ns=500 * MS)
    assert np.isnan(command.at(499 * MS)[0])
    assert command.at(550 * MS)[0] == pytest.approx(0.5)


def test_a_trajectory_received_later_cancels_the_pending_ones():
    command = CommandInForce()
    command.add(line(100, (0, 0.0)), receipt_ns=100 * MS)
    command.add(line(900, (0, 7.0)), receipt_ns=110 * MS)
    command.add(line(500, (0, 3.0)), receipt_ns=120 * MS)
    assert command.at(499 * MS)[0] == 0.0
    assert command.at(950 * MS)[0] == 3.0


def test_a_stop_holds_the_active_position_and_does_not_change_the_past():
    command = CommandInForce()
    command.add(line(100, (0, 0.0), (1000, 1.0)), receipt_ns=100 * MS)
    command.hold(600 * MS)
    assert command.at(350 * MS)[0] == pytest.approx(0.25)
    assert command.at(600 * MS)[0] == command.at(2000 * MS)[0] == pytest.approx(0.5)
    assert command.velocity_at(700 * MS)[0] == 0.0


def test_a_hold_before_any_command_commands_nothing():
    command = CommandInForce(("elbow",))
    command.hold(5 * MS)
    assert np.isnan(command.at(6 * MS)[0])


def test_an_arm_and_its_gripper_are_commanded_side_by_side():
    command = CommandInForce()
    command.add(line(100, (0, 0.0), (1000, 1.0), joint="elbow"), receipt_ns=100 * MS)
    command.add(line(200, (0, 0.04), joint="finger"), receipt_ns=200 * MS)
    assert command.joint_names == ("elbow", "finger")
    assert command.at(600 * MS) == pytest.approx([0.5, 0.04])


def test_a_trajectory_of_two_joints_replaces_one_of_them_and_keeps_the_other():
    command = CommandInForce(("a", "b"))
    command.add(Trajectory(("a", "b"), 100, np.array([0]), np.array([[1.0, 2.0]])), receipt_ns=100)
    command.add(Trajectory(("b",), 200, np.array([0]), np.array([[5.0]])), receipt_ns=200)
    assert command.at(300).tolist() == [1.0, 5.0]
    command.forget_before(300)
    assert command.at(300).tolist() == [1.0, 5.0]


def test_joints_are_matched_by_name_not_by_order():
    command = CommandInForce(("a", "b"))
    command.add(Trajectory(("b", "a"), 100, np.array([0]), np.array([[2.0, 1.0]])), receipt_ns=100)
    assert command.at(100).tolist() == [1.0, 2.0]


def test_an_unknown_joint_is_refused_if_the_joints_are_given():
    with pytest.raises(TrajectoryError, match="'nose', expected only elbow"):
        CommandInForce(("elbow",)).add(line(1, (0, 0.0), joint="nose"), receipt_ns=1)


@given(
    st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    st.lists(st.integers(1, 500), min_size=3, max_size=3),
)
def test_the_cubic_meets_every_point_and_velocity_and_has_no_corner(positions, velocities, gaps):
    times = np.concatenate([[0], np.cumsum(gaps)]) * MS
    command = CommandInForce()
    command.add(
        Trajectory(("j",), MS, times, np.array(positions)[:, None], np.array(velocities)[:, None]), receipt_ns=MS
    )
    for time, position, velocity in zip(times[:-1], positions, velocities, strict=False):
        assert command.at(MS + int(time))[0] == pytest.approx(position, abs=1e-9)
        assert command.velocity_at(MS + int(time))[0] == pytest.approx(velocity, abs=1e-6)
    middle, step = MS + int(times[1] + times[2]) // 2, 1000
    slope = (command.at(middle + step)[0] - command.at(middle - step)[0]) / (2 * step * 1e-9)
    assert command.velocity_at(middle)[0] == pytest.approx(slope, abs=1e-3 * (1 + abs(slope)))


starts = st.lists(st.tuples(st.integers(1, 100), st.integers(0, 50), st.floats(-3, 3)), min_size=1, max_size=6)


@given(starts, st.integers(1, 200), st.integers(0, 100))
def test_forgetting_the_past_changes_nothing_from_there_on(commands, stamp, later):
    full, short = CommandInForce(("elbow",)), CommandInForce(("elbow",))
    for start, first, position in commands:
        for command in (full, short):
            command.add(line(start, (first, position), (first + 20, -position)), receipt_ns=start * MS)
    short.forget_before(stamp * MS)
    assert short.at((stamp + later) * MS) == pytest.approx(full.at((stamp + later) * MS), nan_ok=True)


@given(starts)
def test_commanded_positions_never_jump_if_each_trajectory_starts_from_the_held_position(commands):
    command = CommandInForce(("elbow",))
    command.add(line(1, (0, 0.0)), receipt_ns=MS)
    for start, first, position in commands:
        command.add(line(start, (first + 10, position)), receipt_ns=start * MS)
    path = np.array([command.at(time * 100_000)[0] for time in range(10, 2000)])
    assert np.abs(np.diff(path)).max() <= 6.0 / 10 * 0.1 + 1e-9


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (dict(times_ns=np.zeros(0), positions=np.zeros((0, 1))), "empty"),
        (dict(times_ns=np.array([5, 3]), positions=np.zeros((2, 1))), "times must increase"),
        (dict(times_ns=np.array([5, 5]), positions=np.zeros((2, 1))), "times must increase"),
        (dict(times_ns=np.array([-1]), positions=np.zeros((1, 1))), "times must increase"),
        (dict(times_ns=np.array([0]), positions=np.zeros((1, 2))), "shape"),
        (dict(times_ns=np.array([0]), positions=np.array([[np.nan]])), "found NaN"),
        (dict(times_ns=np.array([0]), positions=np.zeros((1, 1)), velocities=np.zeros((2, 1))), "velocities"),
        (dict(joint_names=("j", "j"), times_ns=np.array([0]), positions=np.zeros((1, 2))), "twice"),
        (dict(joint_names=(), times_ns=np.array([0]), positions=np.zeros((1, 0))), "empty"),
    ],
)
def test_a_trajectory_that_cannot_be_followed_is_refused(broken, message):
    with pytest.raises(TrajectoryError, match=message):
        Trajectory(**{"joint_names": ("j",), "stamp_ns": 1, **broken})
