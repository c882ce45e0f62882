"""The motion that an explorer would send to an arm, without the arm: its path, and how near it comes to each limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.arms import Arm
from aassl_ros.motion.driver import ArmDriver
from aassl_ros.motion.kinematics import Chain
from aassl_ros.motion.trajectory import CommandInForce

Array = NDArray[np.float64]

SAMPLE_S = 0.005
_SAMPLE_NS = round(SAMPLE_S * 1e9)
# Any time will do. Not 0, which would mean "now" in a trajectory.
_START_NS = 1_000_000_000


@dataclass(frozen=True)
class DryRun:
    """A planned motion, sampled every SAMPLE_S.

    positions, velocities, accelerations, jerks: float64 [S, J], rad and per s, s^2, s^3. tips: float64 [S, 7], poses
    of the tip in the base link's frame. trajectories: how many were planned.
    """

    arm: Arm
    positions: Array
    velocities: Array
    accelerations: Array
    jerks: Array
    tips: Array
    trajectories: int

    @property
    def shares(self) -> dict[str, float]:
        """The largest fraction of each limit that is used; above 1 it is exceeded. No limit of the jerk: left out."""
        low, high = self.arm.position_limits.T
        middle, half = (low + high) / 2, (high - low) / 2
        found = {
            "position": float(np.max(np.abs(self.positions - middle) / half)),
            "velocity": float(np.max(np.abs(self.velocities) / np.array(self.arm.velocity_limits))),
            "acceleration": float(np.max(np.abs(self.accelerations) / np.array(self.arm.acceleration_limits))),
        }
        if self.arm.jerk_limits:
            found["jerk"] = float(np.max(np.abs(self.jerks) / np.array(self.arm.jerk_limits)))
        return found

    @property
    def box_margin_m(self) -> float:
        """The smallest distance of the tip from a side of its box, m; negative outside."""
        low, high = self.arm.box_limits.T
        return float(min(np.min(self.tips[:, :3] - low), np.min(high - self.tips[:, :3])))


def dry_run(arm: Arm, chain: Chain, driver: ArmDriver, seconds: float, start: Array | None = None) -> DryRun:
    """Let a driver move an arm that follows exactly, and then stop it.

    Args:
        arm: whose limits count.
        chain: its kinematics.
        driver: plans the motion.
        seconds: how long it moves.
        start: joint positions at the start, float64 [J], rad; None: home.

    Raises:
        TrajectoryError: the start is outside the limits or the box.
    """
    position = np.array(arm.home if start is None else start, dtype=np.float64)
    command, trajectories = CommandInForce(arm.joints), 0
    driver.observe(arm.joints, position)
    driver.begin(_START_NS)
    path = []
    end_ns = _START_NS + round(seconds * 1e9)
    now_ns, stop_ns = _START_NS, end_ns
    while now_ns <= stop_ns:
        plan = driver.plan(now_ns) if now_ns < end_ns else driver.stop(now_ns)
        if plan is not None:
            command.add(plan, receipt_ns=now_ns)
            command.forget_before(now_ns - _SAMPLE_NS)
            trajectories += 1
            if now_ns >= end_ns:
                stop_ns = now_ns + plan.duration_ns
        path.append(np.stack([command.at(now_ns), command.velocity_at(now_ns), command.acceleration_at(now_ns)]))
        now_ns += _SAMPLE_NS
    positions, velocities, accelerations = np.stack(path, axis=1)
    jerks = np.diff(accelerations, axis=0, prepend=accelerations[:1]) / SAMPLE_S
    return DryRun(arm, positions, velocities, accelerations, jerks, chain.forward(positions), trajectories)
