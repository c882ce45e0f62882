"""Moving joints within limits of position, speed and acceleration, in steps of constant acceleration.

Between two points of such a path the velocity is a straight line and the position a parabola, which the cubic through
both points' positions and velocities meets exactly: what is planned here is what a trajectory controller follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MotionLimits:
    """Limits of J joints. positions: float64 [J, 2], rad; velocities, accelerations: float64 [J], rad/s and rad/s^2."""

    positions: Array
    velocities: Array
    accelerations: Array
    step_s: float

    @property
    def braking_s(self) -> float:
        """The longest that any joint takes to stop, in whole steps."""
        return float(np.max(self._braking_steps(self.velocities))) * self.step_s

    def hold(self, position: Array, velocity: Array) -> bool:
        """Whether a state is within the limits and can still be stopped within them."""
        room = 1e-6
        stop = position + np.sign(velocity) * self._braking_way(velocity)
        return bool(
            np.all(np.abs(velocity) <= self.velocities + room)
            and np.all(self.positions[:, 0] - room <= np.minimum(position, stop))
            and np.all(np.maximum(position, stop) <= self.positions[:, 1] + room)
        )

    def next_velocity(self, position: Array, velocity: Array, wanted: Array) -> Array:
        """The velocity [J] after one step: as near to the wanted one as may be.

        Where the limits `hold` for a state they do for the next too, and the acceleration keeps its limit. Speed and
        acceleration are cut for all joints alike, so that a point of the hand that stands still goes on doing so.
        """
        wanted = wanted / max(1.0, float(np.max(np.abs(wanted) / self.velocities)))
        change = wanted - velocity
        most = self.accelerations * self.step_s
        change = change / max(1.0, float(np.max(np.abs(change) / most)))
        highest = self._highest_velocity(self.positions[:, 1] - position, velocity)
        lowest = -self._highest_velocity(position - self.positions[:, 0], -velocity)
        allowed = np.clip(velocity + change, lowest, highest)
        return np.clip(allowed, velocity - most, velocity + most)

    def brake(self, position: Array, velocity: Array) -> tuple[Array, Array]:
        """The quickest stop of each joint, in equal steps: positions and velocities [P, J], P = 0 where all stand."""
        steps = self._braking_steps(velocity)
        count = np.arange(1, int(steps.max(initial=0)) + 1)[:, None]
        velocities = velocity * np.clip(1 - count / np.maximum(steps, 1), 0, None)
        before = np.concatenate([velocity[None], velocities])[:-1]
        return position + np.cumsum((before + velocities) / 2 * self.step_s, axis=0), velocities

    def _braking_steps(self, velocity: Array) -> Array:
        return np.ceil(np.abs(velocity) / (self.accelerations * self.step_s) - 1e-9)

    def _braking_way(self, velocity: Array) -> Array:
        return np.abs(velocity) * self._braking_steps(velocity) * self.step_s / 2

    def _highest_velocity(self, room: Array, velocity: Array) -> Array:
        """The greatest velocity after one step from which the joint still stops within `room` ahead of it now.

        It solves (velocity + next) / 2 step + next^2 / (2 acceleration) + next step / 2 = room: the step's way, then
        the braking way, rounded up to whole steps.
        """
        left = room - velocity * self.step_s / 2
        step, acceleration = self.step_s, self.accelerations
        forward = acceleration * (np.sqrt(np.maximum(step**2 + 2 * left / acceleration, 0)) - step)
        return np.where(left >= 0, forward, 2 * left / step)
