"""An arm is driven from its position to home, then plan after plan, whatever the rate of its joint states."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from aassl_ros.errors import TrajectoryError
from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.driver import ArmDriver
from aassl_ros.motion.exploration import ExplorationPlanner
from aassl_ros.motion.primitives import ExplorationSettings
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

ARM = load_arm("panda")
CHAIN = ARM.chain()
MS = 1_000_000
START = 5_000 * MS


def driver(seed: int = 0, slow_start_s: float = 0.0) -> ArmDriver:
    planner = ExplorationPlanner(ARM, CHAIN, ExplorationSettings(), np.random.default_rng(seed))
    return ArmDriver(ARM, planner, slow_start_s=slow_start_s)


def drive(driven: ArmDriver, ticks_ms: list[int]) -> list[Trajectory]:
    return [plan for tick in ticks_ms if (plan := driven.plan(START + tick * MS)) is not None]


def at_home() -> ArmDriver:
    driven = driver()
    driven.observe(ARM.joints, ARM.home)
    driven.begin(START)
    return driven


def test_the_next_plan_comes_before_the_last_one_brakes():
    plans = drive(at_home(), list(range(0, 5000, 10)))
    for before, after in itertools.pairwise(plans[1:]):
        assert 0 < after.stamp_ns - before.stamp_ns < before.duration_ns


def test_the_motion_does_not_depend_on_when_joint_states_come():
    even = drive(at_home(), list(range(0, 5000, 10)))
    jittered = np.cumsum(np.random.default_rng(1).integers(2, 40, 400))
    uneven = drive(at_home(), jittered[jittered < 5000].tolist())
    for one, other in zip(even[1:], uneven[1:], strict=False):
        assert one.stamp_ns - even[1].stamp_ns == other.stamp_ns - uneven[1].stamp_ns
        assert np.array_equal(one.positions, other.positions)


def test_after_a_stall_the_arm_continues_from_where_its_command_ended():
    driven, command = at_home(), CommandInForce(ARM.joints)
    plans = drive(driven, [*range(0, 2000, 10), *range(6000, 8000, 10)])
    for plan in plans:
        before = command.at(plan.stamp_ns)
        command.add(plan, receipt_ns=plan.stamp_ns)
        assert np.allclose(command.at(plan.stamp_ns), before, equal_nan=True) or np.isnan(before).all()
    resumed = next(plan for plan in plans if plan.stamp_ns >= START + 6000 * MS)
    assert np.all(resumed.velocities[0] == 0)


def test_an_arm_away_from_home_goes_home_before_it_explores():
    driven = driver()
    driven.observe(ARM.joints, np.add(ARM.home, (0.1, -0.05, 0.1, 0.0, 0.2, -0.1, 1.0)))
    driven.begin(START)
    assert driven.homing
    command = CommandInForce(ARM.joints)
    tick = 0
    while driven.homing and tick < 8000:
        if (plan := driven.plan(START + tick * MS)) is not None:
            command.add(plan, receipt_ns=plan.stamp_ns)
        tick += 10
    assert command.at(plan.stamp_ns) == pytest.approx(ARM.home, abs=1e-6)


def test_a_stop_brings_the_arm_to_rest_and_ends_the_plans():
    driven = at_home()
    drive(driven, list(range(0, 2000, 10)))
    stop = driven.stop(START + 2000 * MS)
    assert np.all(stop.velocities[-1] == 0)
    assert stop.duration_ns < 500 * MS
    assert not driven.moving
    assert driven.plan(START + 3000 * MS) is None
    assert driven.stop(START + 3000 * MS) is None


def test_joint_states_may_come_in_parts_and_contain_other_joints_and_nan():
    driven = driver()
    driven.observe(["panda_finger_joint1", ARM.joints[0]], [0.02, float("nan")])
    assert driven.missing == ARM.joints
    driven.observe(ARM.joints[:3], ARM.home[:3])
    driven.observe(ARM.joints[3:], ARM.home[3:])
    assert driven.missing == ()


def test_the_joint_that_deviates_from_its_command_is_named():
    driven = at_home()
    drive(driven, list(range(0, 100, 10)))
    driven.observe([ARM.joints[2]], [0.4])
    joint, away = driven.deviation(START + 50 * MS)
    assert (joint, away) == ("panda_joint3", pytest.approx(0.4, abs=0.01))


def test_an_arm_beyond_its_limits_is_not_started():
    driven = driver()
    driven.observe(ARM.joints, np.array(ARM.home) + 5)
    with pytest.raises(TrajectoryError, match="Move the arm near its home"):
        driven.begin(START)


def test_after_a_slow_start_the_speed_rises_to_its_limit():
    driven = driver(slow_start_s=3.0)
    driven.observe(ARM.joints, np.add(ARM.home, (0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)))
    driven.begin(START, slowly=True)
    limits = np.array(ARM.velocity_limits) * 0.9
    shares = {}
    for plan in drive(driven, list(range(0, 6000, 10))):
        shares[(plan.stamp_ns - START) / 1e9] = float(np.max(np.abs(plan.velocities) / limits))
    for since_s, share in shares.items():
        assert share <= max(0.2, since_s / 3) + 1e-9
    assert max(share for since_s, share in shares.items() if since_s > 3) > 0.6


def test_a_first_plan_that_starts_far_from_the_measured_position_is_told():
    driven = at_home()
    assert driven.far_start(0.1) == ""
    driven.observe([ARM.joints[3]], [ARM.home[3] + 0.3])
    assert driven.far_start(0.1) == "panda_joint4 is 0.30 rad"
    assert driven.plan(START) is not None
    assert driven.far_start(0.1) == ""  # later plans start from the command


def test_an_arm_that_is_moved_by_hand_does_not_stand_still():
    driven = driver()
    driven.observe(ARM.joints, ARM.home, at_s=0.0)
    assert not driven.stands_still(0.1)
    driven.observe(ARM.joints, np.add(ARM.home, 0.001), at_s=0.2)
    assert driven.stands_still(0.4)
    driven.observe(ARM.joints, np.add(ARM.home, 0.1), at_s=0.5)
    assert not driven.stands_still(0.6)
    assert driven.stands_still(0.9)
