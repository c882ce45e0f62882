"""Moves joints within limits of position, speed, acceleration and jerk, in steps of constant jerk.

Between two points of such a path the acceleration is linear and the position is a cubic. The cubic through the
positions and velocities of both points is that cubic, and so is the quintic through their accelerations as well. So a
trajectory controller follows exactly what is planned, whichever of the two it uses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import TrajectoryError
from aassl_ros.motion.limits import ROUNDING, MotionLimits

Array = NDArray[np.float64]

# How many accelerations between full braking and the wanted one are tried in each step.
_TRIED = 17
# A stop of this many steps is looked for first, then a longer one. A stop that is longer still is refused: it would
# last far longer than a trajectory may.
_COUNTS = (16, 64, 256)


@dataclass(frozen=True, eq=False)
class JerkLimits(MotionLimits):
    """MotionLimits with a limit of the jerk. jerks: float64 [J], rad/s^3.

    A state is safe if the fastest stop from it stays within all limits. That stop runs in whole steps, and after its
    first step the fastest stop is the rest of it. So each safe state has a next step to a safe state: the first step of
    its stop. `step` takes the step nearest to the wanted velocity that leads to a safe state.
    """

    jerks: Array

    @property
    def braking_s(self) -> float:
        """The longest time that a joint needs to stop from a safe state, s: acceleration to 0, then the stop."""
        rest = np.zeros_like(self.velocities)
        ramp = np.ceil(self.accelerations / (self.jerks * self.step_s) - ROUNDING)
        return float(np.max(ramp) + len(self._stop(self.velocities, rest)) - 1) * self.step_s

    def hold(self, position: Array, velocity: Array, acceleration: Array) -> bool:
        """Whether a state is within the limits and the joints can still stop within them."""
        low, high, fastest = self._extent(position, velocity, self._stop(velocity, acceleration))
        room = 1e-6
        return bool(
            np.all(fastest <= self.velocities + room)
            and np.all(np.abs(acceleration) <= self.accelerations + room)
            and np.all(self.positions[:, 0] - room <= low)
            and np.all(high <= self.positions[:, 1] + room)
        )

    def step(self, position: Array, velocity: Array, acceleration: Array, wanted: Array) -> tuple[Array, Array, Array]:
        """The state after one step: as close to the wanted velocity [J] as the limits allow.

        A joint that is outside a limit, because it was measured there, moves no further out than it must.
        """
        stop = self._stop(velocity, acceleration)
        low, high, fastest = self._extent(position, velocity, stop)
        low, high = np.minimum(low, self.positions[:, 0]), np.maximum(high, self.positions[:, 1])
        fastest = np.maximum(fastest, self.velocities)
        braked = stop[1] if len(stop) > 1 else np.zeros_like(acceleration)
        goal = self._wanted_acceleration(velocity, acceleration, wanted)
        for shares in (np.ones(1), np.linspace(0, 1, _TRIED)):  # nearly always, the wanted acceleration is safe
            after = braked + shares[:, None] * (goal - braked)
            safe = self._is_safe(position, velocity, acceleration, after, (low, high, fastest))
            if np.all(safe[-1]):
                break
            safe[0] = True
        best = len(after) - 1 - np.argmax(safe[::-1], axis=0)
        return self._moved(position, velocity, acceleration, after[best, np.arange(len(position))])

    def _is_safe(
        self, position: Array, velocity: Array, before: Array, after: Array, limits: tuple[Array, Array, Array]
    ) -> NDArray[np.bool_]:
        """Whether a step to each of the accelerations `after` [K, J], then a stop, stays within the limits, [K, J].

        limits: lowest and highest position and highest speed, [J] each.
        """
        stop = self._stop(velocity + (before + after) / 2 * self.step_s, after)
        path = np.concatenate([np.broadcast_to(before, after.shape)[None], stop])
        low, high, fastest = self._extent(position, velocity, path)
        return (low >= limits[0] - ROUNDING) & (high <= limits[1] + ROUNDING) & (fastest <= limits[2] + ROUNDING)

    def brake(self, position: Array, velocity: Array, acceleration: Array) -> tuple[Array, Array]:
        """The fastest stop of each joint, in steps: positions and velocities [P, J]; P = 0 if all are at rest."""
        stop = self._stop(velocity, acceleration)
        positions, velocities = self._integrate(position, velocity, stop)
        if len(stop) > 1:
            velocities[-1] = 0.0  # exactly, without the rounding of the sum
        return positions[1:], velocities[1:]

    def reach(
        self, position: Array, velocity: Array, acceleration: Array, target: Array, steps: int
    ) -> tuple[Array, Array] | None:
        """Positions and velocities [steps, J] of the smoothest way to rest at `target` [J], rad.

        None if it is not within the limits.
        """
        left, step = np.arange(steps)[::-1], self.step_s
        seconds = step * steps
        # How a jerk in one step changes the acceleration, the velocity and the position at the end.
        effect = np.stack([np.full(steps, step), step**2 * (left + 0.5), step**3 * (left**2 / 2 + left / 2 + 1 / 6)])
        drift = velocity * seconds + acceleration * seconds**2 / 2
        missing = np.stack([-acceleration, -velocity - acceleration * seconds, target - position - drift])
        jerks = np.linalg.pinv(effect) @ missing
        accelerations = np.concatenate([acceleration[None], acceleration + np.cumsum(jerks * step, axis=0)])
        if np.any(np.abs(jerks) > self.jerks) or np.any(np.abs(accelerations) > self.accelerations):
            return None
        low, high, fastest = self._extent(position, velocity, accelerations)
        outside = (low < np.minimum(position, self.positions[:, 0])) | (
            high > np.maximum(position, self.positions[:, 1])
        )
        if np.any(outside) or np.any(fastest > self.velocities):
            return None
        positions, velocities = self._integrate(position, velocity, accelerations)
        positions[-1], velocities[-1] = target, 0.0  # exactly, without the rounding of the sum
        return positions[1:], velocities[1:]

    def _moved(self, position: Array, velocity: Array, before: Array, after: Array) -> tuple[Array, Array, Array]:
        """The state after one step in which the acceleration changes from `before` to `after`."""
        moved = position + velocity * self.step_s + (2 * before + after) * self.step_s**2 / 6
        speed = velocity + (before + after) / 2 * self.step_s
        # At rest, without the rounding of the sum.
        rests = (np.abs(speed) < ROUNDING) & (np.abs(after) < ROUNDING)
        return (
            moved,
            np.where(rests, 0.0, speed),
            np.where(rests, 0.0, after),
        )

    def _wanted_acceleration(self, velocity: Array, acceleration: Array, wanted: Array) -> Array:
        """The acceleration after one step that leads to the wanted velocity without overshoot.

        It solves step (acceleration + next) / 2 + next^2 / (2 jerk) + next step / 2 = wanted change of the velocity.
        All joints are slowed down by the same factor, so that a point of the hand that should not move hardly moves.
        """
        wanted = wanted / max(1.0, float(np.max(np.abs(wanted) / self.velocities)))
        left = wanted - velocity - acceleration * self.step_s / 2
        change = self.jerks * self.step_s
        after = np.sign(left) * (np.sqrt(change**2 + 2 * self.jerks * np.abs(left)) - change)
        after = after / max(1.0, float(np.max(np.abs(after) / self.accelerations)))
        needed = after - acceleration
        return acceleration + needed / max(1.0, float(np.max(np.abs(needed) / change)))

    def _stop(self, velocity: Array, acceleration: Array) -> Array:
        """The accelerations [S + 1, ..., J] of the fastest stop of each joint in whole steps, from the present one on.

        In n steps a joint can reach rest with any accelerations between two bounds: those from which it gets back to 0
        in time, and within the limit. Both bounds change by no more than the jerk allows, so a constant held between
        them does, too. The velocity at the end rises with this constant: n is the smallest number of steps for which
        some constant ends at rest, and the constant is the one that does.
        """
        change = self.jerks * self.step_s
        limit = np.maximum(self.accelerations, np.abs(acceleration))
        steps = self._stopping_steps(velocity, acceleration)
        lower, upper, weights = _bounds(acceleration, limit, change, steps, int(steps.max(initial=0)))
        # The velocity at the end is a piecewise linear function of the constant, with corners at the bounds.
        levels = np.sort(np.concatenate([-limit[None], lower, upper, limit[None]]), axis=0)
        paths = np.clip(levels, lower[:, None], upper[:, None])
        ends = self._end(velocity, paths, weights[:, None])
        right = np.clip(np.argmax(ends >= -ROUNDING, axis=0), 1, None)[None]
        first, last = np.take_along_axis(ends, right - 1, axis=0), np.take_along_axis(ends, right, axis=0)
        share = np.clip(-first / np.maximum(last - first, 1e-300), 0, 1)
        below = np.take_along_axis(paths, right[None] - 1, axis=1)[:, 0]
        above = np.take_along_axis(paths, right[None], axis=1)[:, 0]
        stop: Array = below + share[0] * (above - below)
        return stop

    def _end(self, velocity: Array, accelerations: Array, weights: Array) -> Array:
        """The velocity at the end of a path with these accelerations [S + 1, ..., J]."""
        end: Array = velocity + self.step_s * np.sum(weights * accelerations, axis=0)
        return end

    def _stopping_steps(self, velocity: Array, acceleration: Array) -> NDArray[np.int64]:
        """The smallest number of steps in which each joint can reach rest."""
        change = self.jerks * self.step_s
        limit = np.maximum(self.accelerations, np.abs(acceleration))
        least = np.ceil(np.abs(acceleration) / change - ROUNDING)
        for longest in _COUNTS:
            counts = np.arange(longest + 1).reshape(-1, *[1] * velocity.ndim)
            start, most, rise, count = np.broadcast_arrays(acceleration, limit, change, counts)
            lower, upper, weights = _bounds(start, most, rise, count, longest)
            slowest, fastest = self._end(velocity, lower, weights), self._end(velocity, upper, weights)
            ends = (least <= counts) & (slowest <= ROUNDING) & (fastest >= -ROUNDING)
            # A joint that can rest in n steps can also rest in more.
            if np.all(ends[-1]):
                return np.argmax(ends, axis=0)
        raise TrajectoryError(f"a joint needs more than {_COUNTS[-1] * self.step_s:g} s to stop. Raise jerk_limits.")

    def _integrate(self, position: Array, velocity: Array, accelerations: Array) -> tuple[Array, Array]:
        """Positions and velocities [S + 1, ...] at the ends of the steps between the accelerations [S + 1, ...]."""
        before, after = accelerations[:-1], accelerations[1:]
        start = np.broadcast_to(velocity, accelerations.shape[1:])[None]
        velocities = np.concatenate([start, start + np.cumsum((before + after) / 2 * self.step_s, axis=0)])
        moves = velocities[:-1] * self.step_s + (2 * before + after) * self.step_s**2 / 6
        first = np.broadcast_to(position, accelerations.shape[1:])[None]
        return np.concatenate([first, first + np.cumsum(moves, axis=0)]), velocities

    def _extent(self, position: Array, velocity: Array, accelerations: Array) -> tuple[Array, Array, Array]:
        """Bounds [..., J] of a path: lowest and highest position, highest speed.

        A polynomial stays within the hull of its Bezier control points, so these bounds also hold between the points.
        """
        positions, velocities = self._integrate(position, velocity, accelerations)
        third = velocities * self.step_s / 3
        control = np.concatenate([positions, positions[:-1] + third[:-1], positions[1:] - third[1:]])
        speeds = np.concatenate([velocities, velocities[:-1] + accelerations[:-1] * self.step_s / 2])
        return control.min(axis=0), control.max(axis=0), np.abs(speeds).max(axis=0)


def _bounds(
    acceleration: Array, limit: Array, change: Array, steps: NDArray[np.int64], longest: int
) -> tuple[Array, Array, Array]:
    """The lowest and highest accelerations [S + 1, ..., J] on the way to 0 in `steps` steps, and the weight of each.

    The weights are those of the trapezoidal rule: the change of the velocity is their weighted sum times the step.
    """
    count = np.arange(longest + 1).reshape(-1, *[1] * acceleration.ndim)
    back = np.maximum(steps - count, 0) * change
    upper = np.minimum(np.minimum(limit, acceleration + count * change), back)
    lower = np.maximum(np.maximum(-limit, acceleration - count * change), -back)
    # With too few steps the bounds would cross at the start.
    upper, lower = np.where(count == 0, acceleration, upper), np.where(count == 0, acceleration, lower)
    weights = np.where(count <= steps, 1.0, 0.0)
    weights = weights - 0.5 * (count == 0) - 0.5 * (count == steps)
    return lower, upper, np.maximum(weights, 0.0)
