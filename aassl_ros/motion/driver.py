"""Drives one arm with an exploration planner: first from its measured position to home, then plan after plan."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.arms import Arm
from aassl_ros.motion.exploration import HORIZON_NS, ExplorationPlanner
from aassl_ros.motion.following import FollowingWatch, StillnessWatch
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

Array = NDArray[np.float64]

# A plan that is late by at most this much still starts at its due time, so that the same seed gives the same motion.
# A plan that is later than this starts now.
_LATE_NS = 50_000_000
# Past commands are kept this long: a joint state is compared with the command at its stamp.
_REMEMBERED_NS = 2_000_000_000
# The fraction of the speed limits with which a slow start begins.
_SLOWEST = 0.2


class ArmDriver:
    """Turns joint states and the time into trajectories to send. All times come from one clock, in ns."""

    def __init__(
        self, arm: Arm, planner: ExplorationPlanner, *, slow_start_s: float = 0.0, stuck_s: float = 1.0
    ) -> None:
        """slow_start_s: time for which the speed rises after a slow start, s. stuck_s: see FollowingWatch."""
        self._arm, self._planner = arm, planner
        self._slow_ns = round(slow_start_s * 1e9)
        self._slow_from_ns: int | None = None
        self._command = CommandInForce(arm.joints)
        self._measured: dict[str, float] = {}
        self._due_ns: int | None = None
        self._ends_ns = 0
        self._watch = FollowingWatch(arm.joints, stuck_s=stuck_s)
        self._stillness = StillnessWatch()
        self._homing = False
        self._begins_at: Array | None = None  # until the first plan is sent

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

    def observe(self, names: Iterable[str], positions: Iterable[float], *, at_s: float = 0.0) -> None:
        """Store measured positions, rad, that were received at a time `at_s`. Other joints and NaN are ignored."""
        for name, position in zip(names, positions, strict=False):
            if name in self._arm.joints and np.isfinite(position):
                self._measured[name] = float(position)
        if not self.missing:
            self._stillness.see(self._position(), at_s)

    def stands_still(self, at_s: float) -> bool:
        """Whether the measured positions have hardly changed for a moment, by the times given to `observe`."""
        return self._stillness.still(at_s)

    def forget(self) -> None:
        """Drop the measured positions, because they are out of date."""
        self._measured.clear()

    def begin(self, now_ns: int, *, slowly: bool = False) -> None:
        """Start from the measured position. Raises TrajectoryError if it is outside the limits.

        slowly: the speed rises from a fifth of its limit to the limit within slow_start_s.
        """
        position = self._position()
        self._planner.check_start(position)
        self._command = CommandInForce(self._arm.joints)
        still = np.zeros((1, len(position)))
        start = Trajectory(self._arm.joints, now_ns, np.zeros(1, np.int64), position[None], still)
        self._command.add(start, receipt_ns=now_ns)
        self._due_ns, self._homing, self._begins_at = now_ns, True, position
        self._slow_from_ns = now_ns if slowly else self._slow_from_ns
        self._watch.restart(now_ns)

    def plan(self, now_ns: int) -> Trajectory | None:
        """The trajectory to send now, or None if no new one is due yet."""
        if self._due_ns is None or now_ns < self._due_ns:
            return None
        start_ns = self._due_ns if now_ns - self._due_ns <= _LATE_NS else now_ns
        state = self._state(start_ns)
        if self._homing and self._planner.is_home(*state[:2]):
            self._homing = False
        self._planner.pace = self._pace(start_ns)
        plan = self._plan_from(start_ns, state)
        self._begins_at = None
        self._due_ns = self._planner.replan_at_ns
        return self._sent(plan, now_ns)

    def stop(self, now_ns: int) -> Trajectory | None:
        """The trajectory that stops the arm now, or None if it was not moving."""
        if self._due_ns is None:
            return None
        self._due_ns = None
        return self._sent(self._planner.stop(now_ns, *self._state(now_ns)), now_ns)

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

        Call this, then `stuck`, with the stamp of each joint state.
        """
        self._watch.see(stamp_ns, self._position(), self._command.at(stamp_ns))
        return self._watch.strayed(tolerance)

    def stuck(self) -> str:
        """Text that names a joint which stays where it is although it is commanded to move; empty if none does."""
        return self._watch.stuck()

    def far_start(self, tolerance: float) -> str:
        """Text that names a joint which is more than `tolerance` (rad) from where the first plan after `begin` starts.

        Empty if none is, or if that plan was made already. Call this before each plan.
        """
        if self._begins_at is None:
            return ""
        away = np.abs(self._position() - self._begins_at)
        worst = int(np.argmax(away))
        return f"{self._arm.joints[worst]} is {away[worst]:.2f} rad" if away[worst] > tolerance else ""

    def _state(self, stamp_ns: int) -> tuple[Array, Array, Array]:
        """The commanded position, velocity and acceleration at a time."""
        command = self._command
        return command.at(stamp_ns), command.velocity_at(stamp_ns), command.acceleration_at(stamp_ns)

    def _pace(self, now_ns: int) -> float:
        if self._slow_from_ns is None or self._slow_ns == 0:
            return 1.0
        return float(np.clip((now_ns - self._slow_from_ns) / self._slow_ns, _SLOWEST, 1.0))

    def _plan_from(self, start_ns: int, state: tuple[Array, Array, Array]) -> Trajectory:
        if self._homing:
            plan = self._planner.return_home(start_ns, *state)
            if plan.duration_ns > 0:
                return plan
            self._homing = False  # the straight path home leaves the box, so explore from here
        return self._planner.next(start_ns, *state)

    def _position(self) -> Array:
        return np.array([self._measured[name] for name in self._arm.joints])

    def _sent(self, plan: Trajectory, now_ns: int) -> Trajectory:
        self._command.add(plan, receipt_ns=now_ns)
        self._command.forget_before(now_ns - _REMEMBERED_NS)
        self._ends_ns = plan.stamp_ns + plan.duration_ns
        return plan
