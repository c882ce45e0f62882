"""Drives one arm by an exploration planner: from where it is measured to its home, then plan after plan."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.arms import Arm
from aassl_ros.motion.exploration import HORIZON_NS, ExplorationPlanner
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

Array = NDArray[np.float64]

# A plan made this much later than due still begins when it was due, so that the same seed gives the same motion: the
# arm can hardly tell. One that is later begins now.
_LATE_NS = 50_000_000
# What may still be asked for of the commands of the past: the command at a joint state's stamp.
_REMEMBERED_NS = 2_000_000_000
# How long, by the joint states' own stamps, a joint may be off its command before the arm is taken not to follow. On a
# machine that is too busy commands come late, and an arm near its speed limits takes a while to catch up.
_FOLLOWING_NS = 2_000_000_000


class ArmDriver:
    """Turns joint states and the time into trajectories to send. All times are of one clock, ns."""

    def __init__(self, arm: Arm, planner: ExplorationPlanner) -> None:
        self._arm, self._planner = arm, planner
        self._command = CommandInForce(arm.joints)
        self._measured: dict[str, float] = {}
        self._due_ns: int | None = None
        self._ends_ns = self._followed_ns = 0
        self._homing = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The arm's joints whose position was not measured yet."""
        return tuple(name for name in self._arm.joints if name not in self._measured)

    @property
    def homing(self) -> bool:
        """Whether the arm is on its way home, before it explores."""
        return self._homing

    @property
    def moving(self) -> bool:
        """Whether `begin` was called, and `stop` was not since."""
        return self._due_ns is not None

    def at_rest(self, now_ns: int) -> bool:
        """Whether the last trajectory sent is over; so it is when the clock was set back by more than it lasts."""
        return not 0 < self._ends_ns - now_ns <= HORIZON_NS

    def observe(self, names: Iterable[str], positions: Iterable[float]) -> None:
        """Take measured positions, rad; of other joints and NaN are passed over."""
        for name, position in zip(names, positions, strict=False):
            if name in self._arm.joints and np.isfinite(position):
                self._measured[name] = float(position)

    def forget(self) -> None:
        """What was measured is out of date."""
        self._measured.clear()

    def begin(self, now_ns: int) -> None:
        """Start from the measured position. Raises TrajectoryError if it is beyond the limits."""
        position = self._position()
        self._planner.check_start(position)
        self._command = CommandInForce(self._arm.joints)
        still = np.zeros((1, len(position)))
        start = Trajectory(self._arm.joints, now_ns, np.zeros(1, np.int64), position[None], still)
        self._command.add(start, receipt_ns=now_ns)
        self._due_ns, self._homing, self._followed_ns = now_ns, True, now_ns

    def plan(self, now_ns: int) -> Trajectory | None:
        """The trajectory to send now; None while the one sent before goes on."""
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
        """The trajectory that brings the arm to rest now; None if it was not moving."""
        if self._due_ns is None:
            return None
        self._due_ns = None
        return self._sent(
            self._planner.stop(now_ns, self._command.at(now_ns), self._command.velocity_at(now_ns)), now_ns
        )

    def leave(self) -> None:
        """Send nothing more: the last trajectory sent comes to rest by itself."""
        self._due_ns = None

    def deviation(self, stamp_ns: int) -> tuple[str, float]:
        """The joint measured farthest from its command at this stamp, and how far, rad; 0 before any command."""
        away = np.nan_to_num(np.abs(self._position() - self._command.at(stamp_ns)))
        worst = int(np.argmax(away))
        return self._arm.joints[worst], float(away[worst])

    def strayed(self, stamp_ns: int, tolerance: float) -> str:
        """Which joint is how far off, when one was farther off than `tolerance` (rad) for too long; empty if none was.

        To be called with the stamp of each joint state.
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
            self._homing = False  # the straight way home leaves the box: explore from here
        return self._planner.next(start_ns, position, velocity)

    def _position(self) -> Array:
        return np.array([self._measured[name] for name in self._arm.joints])

    def _sent(self, plan: Trajectory, now_ns: int) -> Trajectory:
        self._command.add(plan, receipt_ns=now_ns)
        self._command.forget_before(now_ns - _REMEMBERED_NS)
        self._ends_ns = plan.stamp_ns + plan.duration_ns
        return plan
