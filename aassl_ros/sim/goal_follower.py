"""The goals of a simulated trajectory controller: which it takes, and how each ends. No ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aassl_ros.motion.goals import ABORTED, CANCELED, INVALID_GOAL, PATH_TOLERANCE_VIOLATED, SUCCEEDED, SUCCESSFUL
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.sim.simulated_arm import SimulatedArm


@dataclass(frozen=True)
class Ending:
    """How a goal ended.

    goal: as it was given to `begin`. status: of action_msgs/GoalStatus. code: error_code of FollowJointTrajectory.
    text: the reason, in words.
    """

    goal: bytes
    status: int
    code: int
    text: str


class GoalFollower:
    """Follows one goal at a time, as ros2_control's joint_trajectory_controller does.

    Args:
        joints: of the arm; a goal must name all of them.
        body: the arm.
        path_tolerance: a goal is aborted if a joint is this far from what the controller asks, rad; 0: never.

    Attributes:
        active: whether goals are taken.
    """

    def __init__(self, joints: Sequence[str], body: SimulatedArm, *, path_tolerance: float) -> None:
        self._joints, self._body, self._path_tolerance = tuple(joints), body, path_tolerance
        self.active = True
        self._goal: bytes | None = None
        self._ends_ns = 0
        self._endings: list[Ending] = []

    def refusal(self, trajectory: Trajectory, now_ns: int) -> str:
        """Why a goal with this trajectory is rejected; empty if it is not."""
        if self._body.stopped or not self.active:
            return "the emergency stop is pressed" if self._body.stopped else "the controller is not active"
        if set(trajectory.joint_names) != set(self._joints):
            return f"it names {', '.join(trajectory.joint_names)}, expected exactly {', '.join(self._joints)}"
        if trajectory.stamp_ns and trajectory.stamp_ns + trajectory.duration_ns < now_ns:
            return "it ends in the past"
        return ""

    def begin(self, goal: bytes, trajectory: Trajectory, now_ns: int) -> None:
        """Follow a goal that was not refused, instead of the present one."""
        self._end(ABORTED, INVALID_GOAL, "Current goal preempted by new incoming action.")
        self._goal, self._ends_ns = goal, (trajectory.stamp_ns or now_ns) + trajectory.duration_ns
        self._body.command(trajectory, now_ns, surely=True)

    def cancel(self, goal: bytes) -> None:
        """End a goal because its sender asks for it. The arm brakes."""
        if goal == self._goal:
            self._body.reset_controller()
            self._end(CANCELED, SUCCESSFUL, "")

    def abort(self, why: str) -> None:
        """End the present goal. The arm is stopped by the caller."""
        self._end(ABORTED, INVALID_GOAL, why)

    def advance(self, now_ns: int) -> list[Ending]:
        """Return the goals that have ended since the last call."""
        away = np.abs(self._body.reference - self._body.position)
        worst = int(np.argmax(away))
        if self._goal is not None and 0 < self._path_tolerance < away[worst]:
            self._body.reset_controller()
            text = f"{self._joints[worst]} is {away[worst]:.3f} rad away, allowed are {self._path_tolerance:g} rad"
            self._end(ABORTED, PATH_TOLERANCE_VIOLATED, text)
        elif now_ns >= self._ends_ns:
            self._end(SUCCEEDED, SUCCESSFUL, "Goal successfully reached!")
        ended, self._endings = self._endings, []
        return ended

    def _end(self, status: int, code: int, text: str) -> None:
        if self._goal is not None:
            self._endings.append(Ending(self._goal, status, code, text))
            self._goal = None
