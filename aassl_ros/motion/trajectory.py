"""Joint trajectories, and which command is active at a given time.

The rule: a new trajectory replaces the old one from its stamp on (stamp 0: from its receipt). It starts at the position
commanded at that time. After its last point the arm holds; a stop is a hold. The simulator, the recorder, the trainer
and `prepare` all use this one class, so that all of them see the same command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import TrajectoryError

Array = NDArray[np.float64]
_NS_PER_S = 1e9


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Points that the joints pass through. Arrays are copied and checked; raises TrajectoryError if one is wrong.

    stamp_ns: when it starts; 0 means "at receipt". times_ns: int64 [P], since the start, not negative, strictly
    increasing. positions: float64 [P, J] in rad (m for sliding joints). velocities: float64 [P, J] per second, or None.
    Between two points the position is a cubic that matches both positions and velocities; without velocities it is a
    straight line.
    """

    joint_names: tuple[str, ...]
    stamp_ns: int
    times_ns: NDArray[np.int64]
    positions: Array
    velocities: Array | None = None

    def __post_init__(self) -> None:
        names = tuple(self.joint_names)
        times = np.array(self.times_ns, dtype=np.int64)
        if not names or times.size == 0:
            raise TrajectoryError(
                f"trajectory is empty: {len(names)} joints, {times.size} points. To stop, send a hold."
            )
        if len(set(names)) != len(names):
            raise TrajectoryError(f"trajectory names a joint twice: {', '.join(names)}.")
        if times.ndim != 1 or times[0] < 0 or np.any(np.diff(times) <= 0):
            raise TrajectoryError(f"trajectory times must increase from 0 or later, found {_start(times)} ns.")
        object.__setattr__(self, "joint_names", names)
        object.__setattr__(self, "times_ns", times)
        object.__setattr__(self, "positions", _table("positions", self.positions, times.size, len(names)))
        if self.velocities is not None:
            object.__setattr__(self, "velocities", _table("velocities", self.velocities, times.size, len(names)))

    @property
    def duration_ns(self) -> int:
        """Time from the start to the last point."""
        return int(self.times_ns[-1])


class CommandInForce:
    """Takes trajectories as they arrive and returns the command at any time, past times included.

    Joints of different trajectories (of an arm and of a gripper) are independent: a trajectory replaces the command of
    the joints that it names, and of no others.
    """

    def __init__(self, joint_names: Sequence[str] = ()) -> None:
        """joint_names: the only joints that may be commanded, in this order; empty: joints are added as they appear."""
        self._fixed = bool(joint_names)
        self._columns = {name: column for column, name in enumerate(joint_names)}
        self._segments: list[_Segment] = []  # in order of receipt

    @property
    def joint_names(self) -> tuple[str, ...]:
        """The order of the arrays that `at` returns."""
        return tuple(self._columns)

    def add(self, trajectory: Trajectory, receipt_ns: int) -> None:
        """Make a trajectory active from its stamp on. Raises TrajectoryError if it names an unknown joint."""
        unknown = [name for name in trajectory.joint_names if name not in self._columns]
        if unknown and self._fixed:
            raise TrajectoryError(f"trajectory names joint {unknown[0]!r}, expected only {', '.join(self._columns)}.")
        for name in unknown:
            self._columns[name] = len(self._columns)
        start_ns = trajectory.stamp_ns or receipt_ns
        columns = np.array([self._columns[name] for name in trajectory.joint_names])
        held = (self.at(start_ns)[columns], self.velocity_at(start_ns)[columns])
        self._segments.append(_Segment.following(trajectory, start_ns, columns, held))

    def hold(self, stamp_ns: int) -> None:
        """Stop: from this stamp on every commanded joint holds the position commanded at this stamp."""
        position = self.at(stamp_ns)
        commanded = tuple(name for name, column in self._columns.items() if not np.isnan(position[column]))
        if commanded:
            points = position[None, [self._columns[name] for name in commanded]]
            still = Trajectory(commanded, stamp_ns, np.zeros(1, np.int64), points, np.zeros_like(points))
            self.add(still, receipt_ns=stamp_ns)

    def at(self, stamp_ns: int) -> Array:
        """Commanded positions, float64 [J]; NaN for a joint that no trajectory has commanded by this stamp."""
        return self._evaluate(stamp_ns)[0]

    def acceleration_at(self, stamp_ns: int) -> Array:
        """Commanded accelerations, float64 [J]; 0 during a hold, NaN for a joint that is not commanded."""
        return self._evaluate(stamp_ns)[2]

    def velocity_at(self, stamp_ns: int) -> Array:
        """Commanded velocities, float64 [J]; 0 during a hold, NaN for a joint that is not commanded by this stamp."""
        return self._evaluate(stamp_ns)[1]

    def clear(self) -> None:
        """Drop all commands. The joint names and their order stay."""
        self._segments = []

    def forget_before(self, stamp_ns: int) -> None:
        """Drop the trajectories that no time from this stamp on needs."""
        kept: list[_Segment] = []
        replaced = np.zeros(len(self._columns), dtype=bool)
        for segment in reversed(self._segments):
            if not replaced[segment.columns].all():
                kept.append(segment)
            if segment.start_ns <= stamp_ns:
                replaced[segment.columns] = True
        self._segments = kept[::-1]

    def _evaluate(self, stamp_ns: int) -> tuple[Array, Array, Array]:
        position, velocity, acceleration = np.full((3, len(self._columns)), np.nan)
        missing = np.ones(len(self._columns), dtype=bool)
        # Of the started trajectories the last received one wins, whatever their stamps: a stop cancels earlier ones.
        for segment in reversed(self._segments):
            if segment.start_ns > stamp_ns or not missing[segment.columns].any():
                continue
            taken = missing[segment.columns]
            here, speed, change = segment.evaluate(stamp_ns)
            position[segment.columns[taken]] = here[taken]
            velocity[segment.columns[taken]] = speed[taken]
            acceleration[segment.columns[taken]] = change[taken]
            missing[segment.columns] = False
            if not missing.any():
                break
        return position, velocity, acceleration


@dataclass(frozen=True)
class _Segment:
    """A trajectory that is active from start_ns on, with the position held before it as its first point."""

    start_ns: int
    columns: NDArray[np.int64]
    times_ns: NDArray[np.int64]
    positions: Array
    velocities: Array | None

    @classmethod
    def following(
        cls, trajectory: Trajectory, start_ns: int, columns: NDArray[np.int64], held: tuple[Array, Array]
    ) -> _Segment:
        times, positions, velocities = trajectory.times_ns, trajectory.positions, trajectory.velocities
        if times[0] > 0:  # add the path from the held position to the first point; it is NaN if no position was held
            times = np.concatenate([[0], times])
            positions = np.concatenate([held[0][None], positions])
            velocities = None if velocities is None else np.concatenate([held[1][None], velocities])
        return cls(start_ns, columns, times, positions, velocities)

    def evaluate(self, stamp_ns: int) -> tuple[Array, Array, Array]:
        """Position, velocity and acceleration [J] at a stamp at or after the start."""
        since_ns = stamp_ns - self.start_ns
        if since_ns >= self.times_ns[-1]:
            return self.positions[-1], np.zeros(self.positions.shape[1]), np.zeros(self.positions.shape[1])
        right = int(np.searchsorted(self.times_ns, since_ns, side="right"))
        left = right - 1
        span = float(self.times_ns[right] - self.times_ns[left]) / _NS_PER_S
        share = float(since_ns - self.times_ns[left]) / float(self.times_ns[right] - self.times_ns[left])
        step = self.positions[right] - self.positions[left]
        if self.velocities is None:
            return self.positions[left] + share * step, step / span, np.zeros(self.positions.shape[1])
        before, after = self.velocities[left] * span, self.velocities[right] * span
        # The cubic Hermite polynomial in Horner's form, the same as in ros2_control's joint_trajectory_controller.
        quadratic = 3 * step - 2 * before - after
        cubic = before + after - 2 * step
        position = self.positions[left] + share * (before + share * (quadratic + share * cubic))
        velocity = (before + share * (2 * quadratic + share * 3 * cubic)) / span
        return position, velocity, (2 * quadratic + share * 6 * cubic) / span**2


def _table(name: str, values: Array, points: int, joints: int) -> Array:
    table = np.array(values, dtype=np.float64)
    if table.shape != (points, joints):
        raise TrajectoryError(
            f"trajectory {name} have shape {table.shape}, expected {points} points of {joints} joints."
        )
    if not np.isfinite(table).all():
        raise TrajectoryError(f"trajectory {name}: found NaN or infinity, expected finite numbers.")
    return table


def _start(times: NDArray[np.int64]) -> str:
    return ", ".join(str(time) for time in times.ravel()[:4]) + (", ..." if times.size > 4 else "")
