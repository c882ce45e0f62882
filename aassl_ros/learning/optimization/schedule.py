"""The learning rate over a run: rising at first, then constant or falling along a cosine (Loshchilov, Hutter 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class Schedule:
    """warmup: updates over which the rate rises in a line; total: updates after which it is zero, 0: it never falls."""

    warmup: int = 0
    total: int = 0

    def factor(self, steps: int) -> float:
        """What the learning rate is multiplied by in the update that comes after `steps` others."""
        if steps < self.warmup:
            return (steps + 1) / self.warmup
        if self.total == 0:
            return 1.0
        done = (steps - self.warmup) / max(1, self.total - self.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
