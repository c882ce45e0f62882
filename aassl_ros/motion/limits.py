"""Moves joints within limits of position, speed and acceleration, in steps of constant acceleration.

Between two points of such a path the velocity is linear and the position is a parabola. The cubic through the
positions and velocities of both points is that parabola, so a trajectory controller follows exactly what is planned.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Rounding: a stop that misses rest by less than this (rad/s, rad/s^2) is a stop.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class MotionLimits:
    """Limits of J joints. positions: float64 [J, 2], rad; velocities, accelerations: float64 [J], rad/s and rad/s^2.

    step_s: length of a step, s.
    """

    positions: Array
    velocities: Array
    accelerations: Array
    step_s: float

    @property
    def braking_s(self) -> float:
        """The longest time that any joint needs to stop, in s, rounded up to whole steps."""
        return float(np.max(self._braking_steps(self.velocities))) * self.step_s

    def slowed(self, share: float) -> MotionLimits:
        """The same limits with this share of the speeds. Stopping is as hard as before."""
        return dataclasses.replace(self, velocities=self.velocities * share)

    def hold(self, position: Array, velocity: Array, acceleration: Array) -> bool:
        """Whether a state is within the limits and the joints can still stop within them. The acceleration is free."""
        room = 1e-6
        stop = position + np.sign(velocity) * self._braking_way(velocity)
        return bool(
            np.all(np.abs(velocity) <= self.velocities + room)
            and np.all(self.positions[:, 0] - room <= np.minimum(position, stop))
            and np.all(np.maximum(position, stop) <= self.positions[:, 1] + room)
        )

    def next_velocity(self, position: Array, velocity: Array, wanted: Array) -> Array:
        """The velocity [J] after one step: as close to the wanted velocity as the limits allow.

        If the limits `hold` for a state, they also hold for the next one, and the acceleration stays within its limit.
        Speed and acceleration are reduced by the same factor for all joints, so that a point of the hand that should
        not move does not move.
        """
        wanted = wanted / max(1.0, float(np.max(np.abs(wanted) / self.velocities)))
        change = wanted - velocity
        most = self.accelerations * self.step_s
        change = change / max(1.0, float(np.max(np.abs(change) / most)))
        highest = self._highest_velocity(self.positions[:, 1] - position, velocity)
        lowest = -self._highest_velocity(position - self.positions[:, 0], -velocity)
        allowed = np.clip(velocity + change, lowest, highest)
        after = np.clip(allowed, velocity - most, velocity + most)
        return np.where(np.abs(after) < ROUNDING, 0.0, after)  # at rest without the rounding of the sum

    def step(self, position: Array, velocity: Array, acceleration: Array, wanted: Array) -> tuple[Array, Array, Array]:
        """Position, velocity and acceleration [J] after one step towards the wanted velocity [J], rad/s."""
        after = self.next_velocity(position, velocity, wanted)
        return position + (velocity + after) / 2 * self.step_s, after, (after - velocity) / self.step_s

    def brake(self, position: Array, velocity: Array, acceleration: Array) -> tuple[Array, Array]:
        """The fastest stop of each joint, in equal steps: positions and velocities [P, J]; P = 0 if all are at rest."""
        steps = self._braking_steps(velocity)
        count = np.arange(1, int(steps.max(initial=0)) + 1)[:, None]
        velocities = velocity * np.clip(1 - count / np.maximum(steps, 1), 0, None)
        before = np.concatenate([velocity[None], velocities])[:-1]
        return position + np.cumsum((before + velocities) / 2 * self.step_s, axis=0), velocities

    def reach(
        self, position: Array, velocity: Array, acceleration: Array, target: Array, steps: int
    ) -> tuple[Array, Array] | None:
        """Positions and velocities [steps, J] of the smoothest way to rest at `target` [J], rad.

        None if it is not within the limits.
        """
        left = np.arange(steps)[::-1]
        # How an acceleration in one step changes the velocity and the position at the end.
        effect = self.step_s * np.stack([np.ones(steps), self.step_s * (left + 0.5)])
        missing = np.stack([-velocity, target - position - velocity * self.step_s * steps])
        accelerations = np.linalg.pinv(effect) @ missing
        velocities = velocity + np.cumsum(accelerations * self.step_s, axis=0)
        before = np.concatenate([velocity[None], velocities[:-1]])
        positions = position + np.cumsum((before + velocities) / 2 * self.step_s, axis=0)
        if np.any(np.abs(accelerations) > self.accelerations) or np.any(np.abs(velocities) > self.velocities):
            return None
        positions[-1], velocities[-1] = target, 0.0  # exactly, without the rounding of the sum
        return positions, velocities

    def _braking_steps(self, velocity: Array) -> Array:
        return np.ceil(np.abs(velocity) / (self.accelerations * self.step_s) - ROUNDING)

    def _braking_way(self, velocity: Array) -> Array:
        return np.abs(velocity) * self._braking_steps(velocity) * self.step_s / 2

    def _highest_velocity(self, room: Array, velocity: Array) -> Array:
        """The highest velocity after one step from which the joint can still stop within `room`.

        It solves (velocity + next) / 2 step + next^2 / (2 acceleration) + next step / 2 = room: the distance of the
        step, then the braking distance, rounded up to whole steps.
        """
        left = room - velocity * self.step_s / 2
        step, acceleration = self.step_s, self.accelerations
        forward = acceleration * (np.sqrt(np.maximum(step**2 + 2 * left / acceleration, 0)) - step)
        return np.where(left >= 0, forward, 2 * left / step)
