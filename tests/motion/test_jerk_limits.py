"""Joints with limits of jerk stay within all limits, also between the points, and can always stop."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

from aassl_ros.errors import TrajectoryError
from aassl_ros.motion.jerk_limits import JerkLimits
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

STEP_NS = 50_000_000
NAMES = ("one", "two", "three")
SAMPLES_NS = range(0, STEP_NS, 5_000_000)
# A hard limit that a step of 50 ms never reaches, a usual one, and one that decides nearly everything.
jerks = st.tuples(*[st.floats(5, 2000)] * 3)
wishes = st.lists(st.tuples(*[st.floats(-9, 9)] * 3, st.integers(1, 8)), min_size=1, max_size=12)


def limits(jerks: tuple[float, ...]) -> JerkLimits:
    return JerkLimits(
        positions=np.array([[-1.0, 1.0], [-0.2, 0.3], [0.0, 3.0]]),
        velocities=np.array([1.0, 2.0, 0.5]),
        accelerations=np.array([5.0, 8.0, 1.0]),
        step_s=STEP_NS * 1e-9,
        jerks=np.array(jerks),
    )


def wander(within: JerkLimits, wanted: list[tuple[float, ...]], start: np.ndarray) -> Trajectory:
    """A path that follows the wanted velocities, each for some steps, and then stops."""
    state = (start, np.zeros(3), np.zeros(3))
    positions, velocities = [state[0]], [state[1]]
    for *wish, steps in wanted:
        for _ in range(steps):
            state = within.step(*state, np.array(wish))
            assert within.hold(*state)
            positions.append(state[0])
            velocities.append(state[1])
    stop = within.brake(*state)
    assert len(stop[0]) * within.step_s <= within.braking_s + 1e-9
    times = np.arange(len(positions) + len(stop[0])) * STEP_NS
    return Trajectory(
        NAMES,
        STEP_NS,
        times,
        np.concatenate([np.stack(positions), stop[0]]),
        np.concatenate([np.stack(velocities), stop[1]]),
    )


@settings(max_examples=60)
@given(jerks, wishes)
@example((50.0, 60.0, 10.0), [(9.0, -9.0, 9.0, 8), (-9.0, 9.0, 9.0, 8)])
@example((5.0, 5.0, 5.0), [(0.0, 0.0, 1.0, 1), (0.0, 0.0, 0.0, 7)])  # at rest but for rounding, before it brakes
def test_a_controllers_path_stays_within_all_limits_and_ends_at_rest_whatever_is_wanted(jerks, wanted):
    within = limits(jerks)
    plan = wander(within, wanted, np.array([0.0, 0.0, 0.1]))
    command = CommandInForce(NAMES)
    command.add(plan, receipt_ns=0)
    stamps = [plan.stamp_ns + int(time) + part for time in plan.times_ns[:-1] for part in SAMPLES_NS]
    way, speeds, changes = (
        np.array([look(stamp) for stamp in stamps])
        for look in (command.at, command.velocity_at, command.acceleration_at)
    )
    assert np.all(way >= within.positions[:, 0] - 1e-6)
    assert np.all(way <= within.positions[:, 1] + 1e-6)
    assert np.all(np.abs(speeds) <= within.velocities + 1e-6)
    assert np.all(np.abs(changes) <= within.accelerations + 1e-6)
    # Over the points, too: a jump of the acceleration there would be an infinite jerk.
    assert np.all(np.abs(np.diff(changes, axis=0)) <= within.jerks * 0.005 * (1 + 1e-6) + 1e-6)
    assert np.all(plan.velocities[-1] == 0)
    assert np.all(np.abs(command.acceleration_at(plan.stamp_ns + plan.duration_ns - 1)) <= 1e-3)


def test_a_joint_measured_outside_its_limits_moves_back_and_never_further_out():
    within, start = limits((50.0, 60.0, 10.0)), np.array([1.008, 0.0, 1.0])
    plan = wander_back(within, start)
    assert np.all(plan[:, 0] <= 1.008 + 1e-9)
    assert plan[-1, 0] < 1.0


def wander_back(within: JerkLimits, start: np.ndarray) -> np.ndarray:
    state, way = (start, np.zeros(3), np.zeros(3)), []
    for wish in [9.0] * 5 + [-9.0] * 10:
        state = within.step(*state, np.array([wish, 0.0, 0.0]))
        way.append(state[0])
    return np.stack(way)


def test_the_wanted_velocity_is_reached_and_kept():
    within, state = limits((50.0, 60.0, 10.0)), (np.array([-0.9, 0.0, 1.0]), np.zeros(3), np.zeros(3))
    for _ in range(20):
        state = within.step(*state, np.array([0.5, 0.0, -0.1]))
    assert state[1] == pytest.approx([0.5, 0.0, -0.1], abs=1e-3)
    assert state[2] == pytest.approx([0.0] * 3, abs=1e-2)


def test_a_hard_limit_of_the_jerk_costs_little_time():
    free, tight = limits((4000.0,) * 3), limits((20.0,) * 3)
    speeds = np.array([1.0, 1.0, 0.4])
    assert len(free.brake(np.zeros(3), speeds, np.zeros(3))[0]) * 0.05 <= 0.4 / 1.0 + 0.1 + 1e-9
    assert len(tight.brake(np.zeros(3), speeds, np.zeros(3))[0]) > 8


def test_the_smoothest_way_to_a_near_target_ends_there_at_rest_and_too_far_a_target_is_refused():
    within, start = limits((50.0, 60.0, 10.0)), np.array([0.0, 0.1, 1.0])
    target = start + np.array([0.01, -0.01, 0.005])
    positions, velocities = within.reach(start, np.array([0.02, 0.0, -0.01]), np.array([0.1, 0, 0]), target, 10)
    assert np.array_equal(positions[-1], target)
    assert np.all(velocities[-1] == 0)
    assert np.abs(np.diff(velocities, n=2, axis=0)).max() <= 50 * 0.05**2
    assert within.reach(start, np.zeros(3), np.zeros(3), start + 0.5, 10) is None


def test_a_limit_of_the_jerk_that_allows_no_stop_is_refused():
    with pytest.raises(TrajectoryError, match="Raise jerk_limits"):
        _ = limits((1e-3,) * 3).braking_s
