"""Which shares of its time a thread spends on what: to see what training waits for."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

UPDATE, DATA, FRAMES, REST, PAUSE, SAVE = "update", "data", "frames", "rest", "pause", "save"
ACTIVITIES = (UPDATE, DATA, FRAMES, REST, PAUSE, SAVE)
"""What the training thread does: updates; drawing of batches; waiting for frames, for `duty` and `updates_per_second`,
and for the end of a pause; saving.
"""
# Time this long ago counts by 1/e of the present.
_MEMORY_S = 15.0


class TimeShares:
    """A thread says what it begins, and any thread may ask for the shares of the last seconds.

    Args:
        names: all that may be begun.
        first: what the thread does now.
        clock: seconds.
    """

    def __init__(self, names: tuple[str, ...], first: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._now = clock, first
        self._spent = dict.fromkeys(names, 0.0)
        self._since = clock()
        self._lock = threading.Lock()

    def begin(self, name: str) -> None:
        """Say what the thread does from now on."""
        with self._lock:
            self._count()
            self._now = name

    def shares(self) -> dict[str, float]:
        """Return the share of each name, from 0 to 1; they sum to 1."""
        with self._lock:
            self._count()
            total = sum(self._spent.values())
            if total == 0:
                return {name: float(name == self._now) for name in self._spent}
            return {name: seconds / total for name, seconds in self._spent.items()}

    def _count(self) -> None:
        """Count the time since the last call to what the thread does."""
        now = self._clock()
        left = math.exp(-(now - self._since) / _MEMORY_S)
        self._since = now
        self._spent = {name: seconds * left for name, seconds in self._spent.items()}
        self._spent[self._now] += _MEMORY_S * (1 - left)
