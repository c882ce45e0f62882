"""Which frames stay if the buffer is full: the newest ones, or a random sample of all that ever came.

newest: a ring. Each frame replaces the oldest one.

reservoir: each stretch (consecutive frames of one episode, at most `stretch_frames`) gets a random priority from 0 to 1
when it begins. If there is no room, the stretch with the highest priority is given up, and from then on every new
stretch whose priority is not lower is skipped. So the buffer always holds exactly the stretches below one threshold: a
frame is in it with the same probability, whenever it came (bottom-k sampling). Single frames would have no partners.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.replay.lane import Lane, Stretch

NEWEST, RESERVOIR = "newest", "reservoir"
RETENTIONS = (NEWEST, RESERVOIR)
_STRETCHES = 8
"""The reservoir has room for at least so many stretches: giving up one of them must not make it nearly empty."""

GiveUp = Callable[[NDArray[np.int64]], None]


class Retention(Protocol):
    """Decides which slot a frame gets.

    used: number of slots that ever had a frame: slots 0 to used - 1. next_stretch: number of the next stretch.
    """

    used: int
    next_stretch: int

    def begin(self, lane: Lane) -> None:
        """A new stretch of the lane begins."""

    def is_full(self, lane: Lane) -> bool:
        """Whether the stretch of the lane must not become longer."""

    def slot(self, lane: Lane) -> int | None:
        """Make room for the next frame of the lane. Returns its slot, None if the frame is not kept."""

    def state(self) -> dict[str, Any]:
        """What must be saved beside the frames, as JSON values."""

    def restore(
        self,
        state: Mapping[str, Any],
        slots: NDArray[np.int64],
        stretch: NDArray[np.int64],
        priority: NDArray[np.float64],
    ) -> None:
        """Continue from a saved state. slots, stretch, priority: of the frames that there are, all [n]."""


class Newest:
    """A ring: slots are used one after another, again and again."""

    def __init__(self, capacity: int, give_up: GiveUp) -> None:
        self.used = 0
        self.next_stretch = 0
        self.next_slot = 0
        self._capacity, self._give_up = capacity, give_up

    def begin(self, lane: Lane) -> None:
        lane.stretch = Stretch(self.next_stretch)
        self.next_stretch += 1

    def is_full(self, lane: Lane) -> bool:
        return False

    def slot(self, lane: Lane) -> int | None:
        slot = self.next_slot
        self.next_slot = (slot + 1) % self._capacity
        if slot < self.used:
            self._give_up(np.array([slot]))
        self.used = max(self.used, slot + 1)
        return slot

    def state(self) -> dict[str, Any]:
        return {"next_stretch": self.next_stretch, "next_slot": self.next_slot}

    def restore(
        self,
        state: Mapping[str, Any],
        slots: NDArray[np.int64],
        stretch: NDArray[np.int64],
        priority: NDArray[np.float64],
    ) -> None:
        self.next_stretch, self.next_slot = int(state["next_stretch"]), int(state["next_slot"])
        self.used = int(slots.max(initial=-1)) + 1


class Reservoir:
    """A random sample of whole stretches of all frames that ever came.

    threshold: stretches with this priority or a higher one are not in the buffer.
    """

    def __init__(self, capacity: int, give_up: GiveUp, stretch_frames: int, seed: int) -> None:
        self.used = 0
        self.next_stretch = 0
        self.threshold = 1.0
        self.stretch_frames = max(2, min(stretch_frames, capacity // _STRETCHES))
        self._capacity, self._give_up, self._seed = capacity, give_up, seed
        self._rng = np.random.default_rng((seed, 0))
        self._free: list[int] = []
        self._by_priority: list[tuple[float, int, Stretch]] = []

    def begin(self, lane: Lane) -> None:
        stretch = Stretch(self.next_stretch, float(self._rng.random()))
        self.next_stretch += 1
        stretch.gone = stretch.priority >= self.threshold
        lane.stretch = stretch
        if not stretch.gone:
            self._put(stretch)

    def is_full(self, lane: Lane) -> bool:
        return lane.offered >= self.stretch_frames

    def slot(self, lane: Lane) -> int | None:
        while not lane.stretch.gone and not self._free and self.used == self._capacity:
            self._give_up_one()
        if lane.stretch.gone:
            return None
        if self._free:
            slot = self._free.pop()
        else:
            slot, self.used = self.used, self.used + 1
        lane.stretch.slots.append(slot)
        return slot

    def state(self) -> dict[str, Any]:
        return {"next_stretch": self.next_stretch, "threshold": self.threshold}

    def restore(
        self,
        state: Mapping[str, Any],
        slots: NDArray[np.int64],
        stretch: NDArray[np.int64],
        priority: NDArray[np.float64],
    ) -> None:
        self.next_stretch, self.threshold = int(state["next_stretch"]), float(state["threshold"])
        self._rng = np.random.default_rng((self._seed, self.next_stretch))
        self.used = int(slots.max(initial=-1)) + 1
        self._free = np.setdiff1d(np.arange(self.used), slots).tolist()
        found: dict[int, Stretch] = {}
        for slot, number, value in zip(slots.tolist(), stretch.tolist(), priority.tolist(), strict=True):
            found.setdefault(number, Stretch(number, value)).slots.append(slot)
        for each in found.values():
            self._put(each)

    def _put(self, stretch: Stretch) -> None:
        heapq.heappush(self._by_priority, (-stretch.priority, stretch.number, stretch))

    def _give_up_one(self) -> None:
        """Give up the stretch with the highest priority."""
        victim = heapq.heappop(self._by_priority)[2]
        self.threshold, victim.gone = victim.priority, True
        self._give_up(np.array(victim.slots, np.int64))
        self._free += victim.slots
