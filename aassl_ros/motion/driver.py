"""Drives one arm with an exploration planner: first from its measured position to home, then plan after plan."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.arms import Arm
from aassl_ros.motion.exploration import HORIZON_NS, ExplorationPlanner
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

Array = NDArray[np.float64]

# A plan that is late by at most this much still starts at its due time, so that the same seed gives the same motion.
# A plan that is later than this starts now.
_LATE_NS = 50_000_000
# Past commands are kept this long: a joint state is compared with the command at its stamp.
_REMEMBERED_NS = 2_000_000_000
# How long, by the stamps of the joint states, a joint may deviate from its command before the arm counts as not
# following. On a busy machine commands come late, and an arm near its speed limits needs time to catch up.
_FOLLOWING_NS = 2_000_000_000


class ArmDriver:
    """Turns joint states and the time into trajectories to send. All times come from one clock, in ns."""

    def __init__(self, arm: Arm, planner: ExplorationPlanner) -> None:
        self._arm, self._planner = arm, planner
        self._command = CommandInForce(arm.joints)
        self._measured: dict[str, float] = {}
        self._due_ns: int | None = None
        self._ends_ns = self._followed_ns = 0
        self._homing = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The arm's joints whose position has not been measured yet."""
        return tuple(name for name in self._arm.joints if name not in self._measured)

    @property
    def homing(self) -> bool:
        """Whether the arm is still moving home before it explores."""
        return self._homing

    @property
    def moving(self) -> bool:
        """Whether `begin` was called and neither `stop` nor `leave` has been called since."""
        return self._due_ns is not None

    def at_rest(self, now_ns: int) -> bool:
        """Whether the last trajectory sent is over.

        It also counts as over if the clock was set back by more than a trajectory can last.
        """
        return not 0 < self._ends_ns - now_ns <= HORIZON_NS

    def observe(self, names: Iterable[str], positions: Iterable[float]) -> None:
        """Store measured positions, rad. Other joints and NaN are ignored."""
        for name, position in zip(names, positions, strict=False):
            if name in self._arm.joints and np.isfinite(position):
                self._measured[name] = float(position)

    def forget(self) -> None:
        """Drop the measured positions, because they are out of date."""
        self._measured.clear()

    def begin(self, now_ns: int) -> None:
        """Start from the measured position. Raises TrajectoryError if it is outside the limits."""
        position = self._position()
        self._planner.check_start(position)
        self._command = CommandInForce(self._arm.joints)
        still = np.zeros((1, len(position)))
        start = Trajectory(self._arm.joints, now_ns, np.zeros(1, np.int64), position[None], still)
        self._command.add(start, receipt_ns=now_ns)
        self._due_ns, self._homing, self._followed_ns = now_ns, True, now_ns

    def plan(self, now_ns: int) -> Trajectory | None:
        """The trajectory to send now, or None if no new one is due yet."""
        if self._due_ns is None or now_ns < self._due_ns:
            return None
        start_ns = self._due_ns if now_ns - self._due_ns <= _LATE_NS else now_ns
        position, velocity = self._command.at(start_ns), self._command.velocity_at(start_ns)
        if self._homing and self._planner.is_home(position, velocity):
            self._homing = False
        plan = self._plan_from(start_ns, position, velocity)
        self._due_ns = self._planner.replan_at_ns
        return self._sent(plan, now_ns)

    def stop(self, now_ns: int) -> Trajectory | None:
        """The trajectory that stops the arm now, or None if it was not moving."""
        if self._due_ns is None:
            return None
        self._due_ns = None
        return self._sent(
            self._planner.stop(now_ns, self._command.at(now_ns), self._command.velocity_at(now_ns)), now_ns
        )

    def leave(self) -> None:
        """Make no more plans. The last trajectory sent ends at rest."""
        self._due_ns = None

    def deviation(self, stamp_ns: int) -> tuple[str, float]:
        """The joint with the largest deviation from its command at this stamp, and that deviation, rad.

        The deviation is 0 before any command.
        """
        away = np.nan_to_num(np.abs(self._position() - self._command.at(stamp_ns)))
        worst = int(np.argmax(away))
        return self._arm.joints[worst], float(away[worst])

    def strayed(self, stamp_ns: int, tolerance: float) -> str:
        """Text that names a joint which deviated by more than `tolerance` (rad) for too long; empty if none did.

        Call this with the stamp of each joint state.
        """
        joint, away = self.deviation(stamp_ns)
        if away <= tolerance:
            self._followed_ns = stamp_ns
        return f"{joint} is {away:.2f} rad" if stamp_ns - self._followed_ns > _FOLLOWING_NS else ""

    def _plan_from(self, start_ns: int, position: Array, velocity: Array) -> Trajectory:
        if self._homing:
            plan = self._planner.return_home(start_ns, position, velocity)
            if plan.duration_ns > 0:
                return plan
            self._homing = False  # the straight path home leaves the box, so explore from here
        return self._planner.next(start_ns, position, velocity)

    def _position(self) -> Array:
        return np.array([self._measured[name] for name in self._arm.joints])

    def _sent(self, plan: Trajectory, now_ns: int) -> Trajectory:
        self._command.add(plan, receipt_ns=now_ns)
        self._command.forget_before(now_ns - _REMEMBERED_NS)
        self._ends_ns = plan.stamp_ns + plan.duration_ns
        return plan
