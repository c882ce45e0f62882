"""An exploring arm shows its object from many sides, moves continuously, and stays within its limits."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pybullet
import pytest

from aassl_ros.errors import TrajectoryError
from aassl_ros.motion import rotations
from aassl_ros.motion.arms import Arm, load_arm
from aassl_ros.motion.exploration import HORIZON_NS, ExplorationPlanner
from aassl_ros.motion.primitives import ExplorationSettings
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

AS_SHIPPED = ExplorationSettings()
ARMS = ("panda", "iiwa", "xarm6", "ur5e", "so101")
SECOND = 1_000_000_000
START = 7 * SECOND
SAMPLE_NS = 2_000_000


def planner(arm: Arm, seed: int = 0, settings: ExplorationSettings = AS_SHIPPED) -> ExplorationPlanner:
    return ExplorationPlanner(arm, arm.chain(), settings, np.random.default_rng(seed))


@dataclass(frozen=True)
class Walk:
    """Some seconds of exploration: the plans, and the command every 2 ms."""

    arm: Arm
    plans: list[Trajectory]
    positions: np.ndarray
    velocities: np.ndarray

    @property
    def tips(self) -> np.ndarray:
        return self.arm.chain().forward(self.positions)


def state_at(command: CommandInForce, stamp: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return command.at(stamp), command.velocity_at(stamp), command.acceleration_at(stamp)


def walk(arm: Arm, seconds: float, seed: int = 0, settings: ExplorationSettings = AS_SHIPPED) -> Walk:
    plan_from, command, plans = planner(arm, seed, settings), CommandInForce(arm.joints), []
    now_ns, state = START, (np.array(arm.home), np.zeros(len(arm.home)), np.zeros(len(arm.home)))
    positions, velocities = [], []
    while now_ns < START + seconds * SECOND:
        plans.append(plan_from.next(now_ns, *state))
        command.add(plans[-1], receipt_ns=now_ns)
        command.forget_before(now_ns)
        for stamp in range(now_ns, now_ns + plan_from.replan_ns, SAMPLE_NS):
            positions.append(command.at(stamp))
            velocities.append(command.velocity_at(stamp))
        now_ns += plan_from.replan_ns
        state = state_at(command, now_ns)
    return Walk(arm, plans, np.stack(positions), np.stack(velocities))


@cache
def long_walk(name: str) -> Walk:
    return walk(load_arm(name), 30.0)


@pytest.mark.parametrize("name", ARMS)
def test_positions_speeds_and_accelerations_stay_within_their_limits(name):
    arm, positions = load_arm(name), long_walk(name).positions
    seconds = SAMPLE_NS * 1e-9
    speeds = np.diff(positions, axis=0) / seconds
    accelerations = np.diff(speeds, axis=0) / seconds
    assert np.all(positions >= arm.position_limits[:, 0] - 1e-6)
    assert np.all(positions <= arm.position_limits[:, 1] + 1e-6)
    assert np.all(np.abs(speeds) <= np.array(arm.velocity_limits) + 1e-6)
    assert np.all(np.abs(accelerations) <= np.array(arm.acceleration_limits) * 1.001)


@pytest.mark.parametrize("name", ARMS)
def test_the_tip_stays_in_its_box(name):
    tips = long_walk(name).tips[:, :3]
    low, high = load_arm(name).box_limits.T
    assert np.all(tips >= low)
    assert np.all(tips <= high)


@pytest.mark.parametrize("name", ARMS)
def test_a_plan_that_is_not_replaced_ends_at_rest_within_a_second_and_within_all_limits(name):
    arm = load_arm(name)
    chain, (low, high) = arm.chain(), arm.box_limits.T
    for plan in long_walk(name).plans:
        assert plan.duration_ns <= HORIZON_NS
        assert np.all(plan.velocities[-1] == 0)
        command = CommandInForce(arm.joints)
        command.add(plan, receipt_ns=plan.stamp_ns)
        way = np.stack([command.at(plan.stamp_ns + time) for time in range(0, plan.duration_ns, 5_000_000)])
        assert np.all(way >= arm.position_limits[:, 0] - 1e-6)
        assert np.all(way <= arm.position_limits[:, 1] + 1e-6)
        tips = chain.forward(way)[:, :3]
        assert np.all(tips >= low)
        assert np.all(tips <= high)


@pytest.mark.parametrize("name", ARMS)
def test_motion_is_continuous_from_plan_to_plan(name):
    velocities = long_walk(name).velocities
    greatest = np.array(load_arm(name).acceleration_limits) * SAMPLE_NS * 1e-9
    assert np.all(np.abs(np.diff(velocities, axis=0)) <= greatest * 1.001 + 1e-9)
    assert np.mean(np.all(np.abs(velocities) < 1e-3, axis=1)) < 0.05


@pytest.mark.parametrize("name", ARMS)
def test_an_episode_shows_the_object_from_many_sides_and_keeps_it_in_the_picture(name):
    arm, tips = load_arm(name), long_walk(name).tips
    places = tips[:, :3] + rotations.rotate(tips[:, 3:], arm.object_offset[:3])
    away = np.linalg.norm(places - places[0], axis=1)
    assert np.percentile(away, 95) < 0.03
    assert away.max() < 0.06
    episode = int(2.5 / (SAMPLE_NS * 1e-9))
    widest = []
    for start in range(0, len(tips) - episode, episode):
        turns = tips[start : start + episode : 50, 3:]
        widest.append(np.degrees(rotations.angle_between(turns[:, None], turns[None]).max()))
    assert np.median(widest) > 70
    speed = np.degrees(rotations.angle_between(tips[:-50:50, 3:], tips[50::50, 3:])) / 0.1
    assert 40 < np.median(speed) < 150


class Body:
    """The arm in PyBullet, for collision checks."""

    def __init__(self, arm: Arm) -> None:
        self.client = pybullet.connect(pybullet.DIRECT)
        self.body = pybullet.loadURDF(str(arm.urdf_path()), useFixedBase=True, physicsClientId=self.client)
        count = pybullet.getNumJoints(self.body, physicsClientId=self.client)
        names = [pybullet.getJointInfo(self.body, i, physicsClientId=self.client)[1].decode() for i in range(count)]
        self.joints = [names.index(joint) for joint in arm.joints]
        # The last links against the first: those at least four joints apart touch only in a collision.
        last, first = range(self.joints[-2], count), range(-1, 3)
        self.far_apart = [(low, high) for low in first for high in last if high - low >= 4]
        self.off_table = range(2, count)

    def collides(self, positions: np.ndarray) -> bool:
        for joint, position in zip(self.joints, positions, strict=True):
            pybullet.resetJointState(self.body, joint, position, physicsClientId=self.client)
        pybullet.performCollisionDetection(physicsClientId=self.client)
        near = [
            pybullet.getClosestPoints(self.body, self.body, 0.02, low, high, physicsClientId=self.client)
            for low, high in self.far_apart
        ]
        low_links = [pybullet.getAABB(self.body, link, physicsClientId=self.client)[0][2] for link in self.off_table]
        return any(near) or min(low_links) < 0.02


@pytest.mark.parametrize("name", ARMS)
def test_the_arm_hits_neither_itself_nor_the_table(name):
    body = Body(load_arm(name))
    assert not any(body.collides(positions) for positions in long_walk(name).positions[::100])
    pybullet.disconnect(body.client)


def test_a_collision_is_detected():
    body = Body(load_arm("panda"))
    assert body.collides(np.array([0.0, -1.7, 0.0, -3.1, 0.0, 0.5, 0.0]))
    assert body.collides(np.array([0.0, 1.8, 0.0, -0.5, 0.0, 2.0, 0.0]))
    pybullet.disconnect(body.client)


def test_the_same_seed_gives_the_same_plans_and_another_seed_others():
    arm = load_arm("panda")
    first, again, other = walk(arm, 2.0, seed=3), walk(arm, 2.0, seed=3), walk(arm, 2.0, seed=4)
    assert np.array_equal(first.positions, again.positions)
    assert not np.allclose(first.positions, other.positions)


@pytest.mark.parametrize("kind", ["wrist_share", "babble_share", "orbit_share"])
def test_each_primitive_alone_keeps_the_limits(kind):
    arm = load_arm("panda")
    shares = {"wrist_share": 0.0, "babble_share": 0.0, "orbit_share": 0.0} | {kind: 1.0}
    tips = walk(arm, 5.0, settings=ExplorationSettings(**shares)).tips
    low, high = arm.box_limits.T
    assert np.all((tips[:, :3] >= low) & (tips[:, :3] <= high))
    assert np.degrees(rotations.angle_between(tips[0, 3:], tips[:, 3:]).max()) > 40


def test_the_arm_stops_rather_than_leave_a_box_that_is_too_small():
    arm = load_arm("panda")
    tip = arm.chain().forward(arm.home)[:3]
    tight = replace(arm, box=tuple(np.stack([tip - 0.008, tip + 0.008], axis=1).ravel()))
    tips = walk(tight, 5.0).tips[:, :3]
    assert np.all(np.abs(tips - tip) <= 0.008)


def test_a_late_plan_continues_from_the_state_at_that_time():
    arm = load_arm("iiwa")
    exploring, command = planner(arm), CommandInForce(arm.joints)
    command.add(exploring.next(START, np.array(arm.home), np.zeros(7)), receipt_ns=START)
    late = START + exploring.replan_ns + 13_700_000
    plan = exploring.next(late, command.at(late), command.velocity_at(late))
    assert plan.stamp_ns == late
    assert np.allclose(plan.positions[0], command.at(late))
    assert np.allclose(plan.velocities[0], command.velocity_at(late))


def test_a_stop_is_as_quick_as_the_acceleration_limits_allow():
    arm = load_arm("panda")
    exploring, command = planner(arm), CommandInForce(arm.joints)
    command.add(exploring.next(START, np.array(arm.home), np.zeros(7)), receipt_ns=START)
    now = START + 400_000_000
    stop = exploring.stop(now, command.at(now), command.velocity_at(now))
    assert np.all(stop.velocities[-1] == 0)
    assert stop.duration_ns * 1e-9 <= exploring.limits.braking_s + 1e-9


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_returns_home_after_exploring(name):
    arm = load_arm(name)
    homing, command = planner(arm), CommandInForce(arm.joints)
    now, position, velocity = START, long_walk(name).positions[-1], np.zeros(len(arm.joints))
    while now < START + 10 * SECOND and not homing.is_home(position, velocity):
        command.add(homing.return_home(now, position, velocity), receipt_ns=now)
        now = homing.replan_at_ns
        position, velocity = command.at(now), command.velocity_at(now)
    assert homing.is_home(position, velocity)


def test_an_arm_that_starts_beyond_a_limit_is_refused_with_the_joint_name():
    arm = load_arm("panda")
    beyond = np.array(arm.home)
    beyond[1] = 1.5
    with pytest.raises(TrajectoryError, match=r"panda_joint2 is at 1\.500 rad"):
        planner(arm).check_start(beyond)


def test_an_arm_that_starts_outside_its_box_is_refused():
    arm = load_arm("panda")
    with pytest.raises(TrajectoryError, match=r"the tip is at .* expected within the box"):
        planner(replace(arm, box=(0.0, 0.1, 0.0, 0.1, 0.0, 0.1))).check_start(np.array(arm.home))


def test_an_arm_that_cannot_stop_within_the_horizon_is_refused():
    with pytest.raises(TrajectoryError, match="to brake"):
        planner(replace(load_arm("panda"), acceleration_limits=(1.0,) * 7))


@cache
def smooth_walk() -> Walk:
    return walk(replace(load_arm("panda"), jerk_limits=JERKS), 8.0)


JERKS = (60.0, 50.0, 60.0, 60.0, 80.0, 80.0, 80.0)


def test_with_limits_of_jerk_all_limits_hold_between_the_points_and_from_plan_to_plan():
    smooth, arm = smooth_walk(), smooth_walk().arm
    seconds = SAMPLE_NS * 1e-9
    accelerations = np.diff(smooth.velocities, axis=0) / seconds
    assert np.all(np.abs(smooth.velocities) <= np.array(arm.velocity_limits) + 1e-6)
    assert np.all(np.abs(accelerations) <= np.array(arm.acceleration_limits) + 1e-3)
    assert np.all(np.abs(np.diff(accelerations, axis=0)) / seconds <= np.array(JERKS) * 1.01)
    assert np.all(smooth.positions >= arm.position_limits[:, 0] - 1e-6)
    assert np.all(smooth.positions <= arm.position_limits[:, 1] + 1e-6)
    for plan in smooth.plans:
        assert plan.duration_ns <= HORIZON_NS
        assert np.all(plan.velocities[-1] == 0)


def test_with_limits_of_jerk_the_arm_still_shows_its_object_from_many_sides():
    tips = smooth_walk().tips
    low, high = smooth_walk().arm.box_limits.T
    assert np.all((tips[:, :3] >= low) & (tips[:, :3] <= high))
    assert np.degrees(rotations.angle_between(tips[0, 3:], tips[:, 3:]).max()) > 40


@pytest.mark.parametrize("jerk_limits", [(), JERKS])
def test_a_stop_at_any_time_stays_within_the_box_and_the_limits(jerk_limits):
    arm = replace(load_arm("panda"), jerk_limits=jerk_limits, box=(0.5, 0.68, -0.1, 0.1, 0.33, 0.5))
    chain, (low, high) = arm.chain(), arm.box_limits.T
    exploring, command = planner(arm), CommandInForce(arm.joints)
    now, state = START, (np.array(arm.home), np.zeros(7), np.zeros(7))
    for _ in range(4):
        command.add(exploring.next(now, *state), receipt_ns=now)
        for stopped in (now + 130_000_000, now + exploring.replan_ns):
            stop = planner_of(exploring).stop(stopped, *state_at(command, stopped))
            way = CommandInForce(arm.joints)
            way.add(stop, receipt_ns=stopped)
            stamps = range(stopped, stopped + stop.duration_ns + 1, SAMPLE_NS)
            positions = np.stack([way.at(stamp) for stamp in stamps])
            tips = chain.forward(positions)[:, :3]
            assert np.all((tips >= low) & (tips <= high))
            assert np.all(positions >= arm.position_limits[:, 0] - 1e-6)
            assert np.all(positions <= arm.position_limits[:, 1] + 1e-6)
            assert np.all(stop.velocities[-1] == 0)
            assert stop.duration_ns <= HORIZON_NS
        now += exploring.replan_ns
        state = state_at(command, now)


def planner_of(exploring: ExplorationPlanner) -> ExplorationPlanner:
    """A planner in the same state, so that a stop does not end the exploration."""
    return copy.copy(exploring)


def test_an_arm_with_limits_of_jerk_gets_home():
    arm = replace(load_arm("panda"), jerk_limits=JERKS)
    homing, command = planner(arm), CommandInForce(arm.joints)
    now, state = START, (smooth_walk().positions[-1], np.zeros(7), np.zeros(7))
    while now < START + 10 * SECOND and not homing.is_home(*state[:2]):
        command.add(homing.return_home(now, *state), receipt_ns=now)
        now = homing.replan_at_ns
        state = state_at(command, now)
    assert homing.is_home(*state[:2])


def test_a_reduced_pace_reduces_every_speed():
    arm = load_arm("panda")
    slow = planner(arm)
    slow.pace = 0.25
    plan = slow.next(START, np.array(arm.home), np.zeros(7))
    assert 0 < np.max(np.abs(plan.velocities) / np.array(arm.velocity_limits)) <= 0.25 * 0.9 + 1e-9
