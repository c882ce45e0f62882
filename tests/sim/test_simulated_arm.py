"""The simulated real arm follows late, with lag and losses, and stops if its emergency stop is pressed."""

from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.errors import ConfigError
from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.driver import ArmDriver
from aassl_ros.motion.exploration import ExplorationPlanner
from aassl_ros.motion.primitives import ExplorationSettings
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.sim.simulated_arm import SimulatedArm, SimulatedArmSettings, UnreliableLink

ARM = load_arm("panda")
MS = 1_000_000
PERFECT = SimulatedArmSettings(latency_s=0.0, jitter_s=0.0, lag_s=0.0, noise_rad=0.0)


def turn(start_ms: int, way: float = 0.3) -> Trajectory:
    """The last joint turns by `way` within a second."""
    home = np.array(ARM.home)
    target = home + np.eye(7)[6] * way
    return Trajectory(ARM.joints, start_ms * MS, np.array([0, 1000 * MS]), np.stack([home, target]), np.zeros((2, 7)))


def run(arm: SimulatedArm, from_ms: int, to_ms: int) -> np.ndarray:
    """The true path of the last joint, every 5 ms."""
    way = []
    for now in range(from_ms, to_ms, 5):
        arm.advance(now * MS)
        way.append(arm.position[6] - ARM.home[6])
    return np.array(way)


def test_a_perfect_arm_follows_exactly_and_a_real_one_later():
    arm, late = SimulatedArm(ARM, PERFECT, 0), SimulatedArm(ARM, SimulatedArmSettings(lag_s=0.1, latency_s=0.1), 0)
    for one in (arm, late):
        one.command(turn(0), 0)
    followed, lagging = run(arm, 5, 2000), run(late, 5, 2000)
    assert followed[99] == pytest.approx(0.15, abs=0.01)
    assert lagging[99] < 0.13
    assert followed[-1] == pytest.approx(0.3, abs=1e-6)
    assert lagging[-1] == pytest.approx(0.3, abs=1e-3)


def test_the_emergency_stop_brakes_and_after_it_the_arm_holds_until_it_is_commanded_again():
    arm = SimulatedArm(ARM, PERFECT, 0)
    arm.command(turn(0), 0)
    run(arm, 5, 500)
    arm.press_stop(True)
    arm.command(turn(500), 500 * MS)
    braking = run(arm, 500, 1500)
    assert np.all(np.diff(braking) >= -1e-9)
    assert braking[-1] < 0.17
    arm.press_stop(False)
    held = run(arm, 1500, 2000)
    assert np.ptp(held) < 1e-6


def test_lost_commands_are_not_followed_and_lost_messages_are_as_many_as_asked():
    arm = SimulatedArm(ARM, SimulatedArmSettings(lost_commands=1.0, noise_rad=0.0), 0)
    arm.command(turn(0), 0)
    assert np.all(run(arm, 5, 500) == 0)
    link: UnreliableLink[int] = UnreliableLink(0.1, 0.05, 0.3, np.random.default_rng(0))
    for index in range(1000):
        link.send(index, index * MS)
    assert list(link.arrivals(99 * MS)) == []
    arrived = list(link.arrivals(2000 * MS))
    assert arrived == sorted(arrived)
    assert 650 < len(arrived) < 750


def test_a_start_with_too_few_joints_is_refused():
    with pytest.raises(ConfigError, match="start has 2 values, expected 7"):
        SimulatedArm(ARM, SimulatedArmSettings(start=(0.0, 1.0)), 0)


@pytest.mark.parametrize(("lost", "out_m"), [(0.0, 0.0), (0.2, 0.08)])
def test_explored_with_late_and_lost_commands_it_stays_within_its_limits_and_almost_in_its_box(lost, out_m):
    """After a lost command the arm brakes, then moves to the next on a path that nobody planned (docs/safety.md)."""
    chain = ARM.chain()
    driver = ArmDriver(ARM, ExplorationPlanner(ARM, chain, ExplorationSettings(), np.random.default_rng(0)))
    late = SimulatedArmSettings(latency_s=0.05, jitter_s=0.03, lost_commands=lost, noise_rad=0.0)
    start, step = 1000 * MS, 10 * MS
    arm = SimulatedArm(ARM, late, start)
    driver.observe(ARM.joints, arm.measure())
    driver.begin(start)
    path = []
    for now in range(start, start + 20_000 * MS, step):
        if (plan := driver.plan(now)) is not None:
            arm.command(plan, now)
        arm.advance(now)
        path.append(arm.position)
    speeds = np.abs(np.diff(path, axis=0)) / (step / 1e9)
    assert np.all(speeds <= np.array(ARM.velocity_limits) * 1.05)
    assert np.all((path >= ARM.position_limits[:, 0] - 0.02) & (path <= ARM.position_limits[:, 1] + 0.02))
    low, high = ARM.box_limits.T
    tips = chain.forward(np.array(path))[:, :3]
    assert np.all((tips >= low - out_m) & (tips <= high + out_m))
    assert np.ptp(path, axis=0).max() > 0.5
