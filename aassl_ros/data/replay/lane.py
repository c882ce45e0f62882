"""The frames of one robot in order of arrival, with keys that tell how far apart two of them are.

Episodes of one robot follow one another, and those of several robots come at the same time. So each robot has a lane of
its own: frames of another robot never come between two frames of an episode.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

STRETCH_GAP = 1 << 42
"""Distance of keys between stretches: 4,398 s in ns, wider than any window (see pairs/ranges.py)."""
_FIRST_PLACES = 1024
GONE = -1
"""The slot of a place whose frame was given up."""


@dataclass
class Stretch:
    """Frames of one episode one after another, which may form pairs.

    number: never used twice. priority: see retention.py. slots: where its frames are; filled only if the retention
    needs it. gone: it was given up, or never kept.
    """

    number: int
    priority: float = 0.0
    slots: list[int] = field(default_factory=list)
    gone: bool = False


class Lane:
    """A log of frames with rising keys, from which given-up frames are removed now and then.

    Attributes:
        number: of the lane.
        robot: its namespace.
        slots: int64, the slot of the frame at each place; GONE if it was given up. Valid from start to stop.
        frame_keys: int64, rise by 1 from frame to frame of a stretch, by STRETCH_GAP between stretches.
        time_keys: int64, the same with ns.
        episode: the episode of the newest frame, None after it was discarded. stamp_ns: of the newest frame.
        stretch: of the newest frame. offered: number of frames that came in this stretch, kept or not.
    """

    def __init__(self, number: int, robot: str, places: NDArray[np.int64]) -> None:
        """places: int64 [capacity], shared by all lanes: the place of the frame in each slot."""
        self.number, self.robot = number, robot
        self.slots, self.frame_keys, self.time_keys = (np.zeros(_FIRST_PLACES, np.int64) for _ in range(3))
        self.start = self.stop = 0
        self.episode: Hashable | None = None
        self.stamp_ns = 0
        self.stretch = Stretch(-1, gone=True)
        self.offered = 0
        self._places = places
        self._newest_keys = (0, 0)

    @property
    def is_empty(self) -> bool:
        """Whether no frame of it is held."""
        return self.start == self.stop

    def held_slots(self) -> NDArray[np.int64]:
        """The slots of its frames, oldest first."""
        slots = self.slots[self.start : self.stop]
        return slots[slots != GONE]

    def newest_slots(self, count: int) -> NDArray[np.int64]:
        """The slots of at most `count` of its newest frames, newest first."""
        slots = self.slots[max(self.start, self.stop - count) : self.stop][::-1]
        return slots[slots != GONE]

    def append(self, slot: int, frame_step: int, time_step: int) -> None:
        """Add a frame. The steps are those of its keys from the frame before."""
        if self.stop == len(self.slots):
            self._make_room()
        keys = self._newest_keys[0] + frame_step, self._newest_keys[1] + time_step
        self.slots[self.stop], self.frame_keys[self.stop], self.time_keys[self.stop] = slot, *keys
        self._places[slot] = self.stop
        self._newest_keys = keys
        self.stop += 1

    def extend(self, slots: NDArray[np.int64], frame_steps: NDArray[np.int64], time_steps: NDArray[np.int64]) -> None:
        """Add many frames at once to an empty lane."""
        size = max(_FIRST_PLACES, 2 * len(slots))
        self.slots, self.frame_keys, self.time_keys = (np.zeros(size, np.int64) for _ in range(3))
        self.start, self.stop = 0, len(slots)
        if len(slots) == 0:
            return
        self.slots[: self.stop] = slots
        self.frame_keys[: self.stop], self.time_keys[: self.stop] = np.cumsum(frame_steps), np.cumsum(time_steps)
        self._places[slots] = np.arange(len(slots))
        self._newest_keys = int(self.frame_keys[self.stop - 1]), int(self.time_keys[self.stop - 1])

    def give_up(self, slots: NDArray[np.int64]) -> None:
        """Remove the frames in these slots: whole stretches, or the oldest frames."""
        self.slots[self._places[slots]] = GONE
        while self.start < self.stop and self.slots[self.start] == GONE:
            self.start += 1

    def _make_room(self) -> None:
        """Move the frames that are held to the start of the log. It gets larger if they fill more than half of it."""
        held = self.start + np.flatnonzero(self.slots[self.start : self.stop] != GONE)
        size = len(self.slots) * (2 if 2 * len(held) > len(self.slots) else 1)
        first = (int(self.frame_keys[held[0]]), int(self.time_keys[held[0]])) if len(held) else self._newest_keys
        moved = []
        for values, subtracted in ((self.slots, 0), (self.frame_keys, first[0]), (self.time_keys, first[1])):
            fresh = np.zeros(size, np.int64)
            fresh[: len(held)] = values[held] - subtracted
            moved.append(fresh)
        self.slots, self.frame_keys, self.time_keys = moved
        self._newest_keys = self._newest_keys[0] - first[0], self._newest_keys[1] - first[1]
        self._places[self.slots[: len(held)]] = np.arange(len(held))
        self.start, self.stop = 0, len(held)
