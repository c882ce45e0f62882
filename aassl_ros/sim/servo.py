"""The setpoint of the joint motors at each step: the command, limited to the joints' limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Braking is planned with less than the allowed acceleration, because steps are finite and the last must not need more.
_BRAKING_SHARE = 0.8


class Setpoint:
    """Follows a commanded position and velocity within limits of position, velocity and acceleration.

    If the command stays within the limits, the setpoint equals the command. After a jump the setpoint catches up as
    fast as the limits allow, without overshoot. All arrays are float64 [J]; units rad and s.
    """

    def __init__(
        self, position: Array, position_limits: Array, velocity_limits: Array, acceleration_limits: Array
    ) -> None:
        """position_limits: [J, 2], lower and upper; the other limits: [J], positive."""
        self.position = np.array(position, dtype=np.float64)
        self.velocity = np.zeros_like(self.position)
        self._lower, self._upper = position_limits[:, 0], position_limits[:, 1]
        self._fastest = velocity_limits
        self._hardest = acceleration_limits

    def advance(self, position: Array, velocity: Array, seconds: float) -> None:
        """Take one step of this length toward the command. A joint whose command is NaN stays where it is."""
        absent = np.isnan(position)
        inside = np.clip(position, self._lower, self._upper)
        wanted = np.where(absent, self.position, inside)
        target_velocity = np.where(absent | (inside != position) | np.isnan(velocity), 0.0, velocity)
        gap = wanted - (self.position + target_velocity * seconds)
        # The highest speed that can still brake within the gap and does not pass the command within this step.
        closing = np.minimum(np.sqrt(2 * _BRAKING_SHARE * self._hardest * np.abs(gap)), np.abs(gap) / seconds)
        desired = target_velocity + np.sign(gap) * closing
        change = self._hardest * seconds
        desired = np.clip(desired, self.velocity - change, self.velocity + change)
        self.velocity = np.clip(desired, -self._fastest, self._fastest)
        moved = self.position + self.velocity * seconds
        # Only late braking could move a joint past its limit, by less than one step.
        self.position = np.clip(moved, self._lower, self._upper)
