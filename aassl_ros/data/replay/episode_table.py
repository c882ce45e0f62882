"""The episodes that have frames in the buffer: their numbers, names and counts of frames."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True)
class EpisodeEntry:
    """An episode in the buffer.

    robot: its namespace. id: of the episode. instance, category: of the object; empty if unknown.
    """

    robot: str
    id: Hashable
    instance: str = ""
    category: str = ""


class EpisodeTable:
    """Episodes with frames in the buffer, without discarded ones. A number is never used twice."""

    def __init__(self, next_number: int = 0) -> None:
        self.next_number = next_number
        self._numbers: dict[tuple[str, Hashable], int] = {}
        self._entries: dict[int, EpisodeEntry] = {}
        self._frames: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> dict[int, EpisodeEntry]:
        """A copy of the table: the entries by number."""
        return dict(self._entries)

    def put(self, number: int, entry: EpisodeEntry, frames: int) -> None:
        """Add an episode that was saved with this number."""
        self._numbers[entry.robot, entry.id] = number
        self._entries[number], self._frames[number] = entry, frames
        self.next_number = max(self.next_number, number + 1)

    def add_frame(self, entry: EpisodeEntry) -> int:
        """Count one more frame of an episode, and return its number."""
        key = entry.robot, entry.id
        if key not in self._numbers:
            self.put(self.next_number, entry, 0)
        number = self._numbers[key]
        self._frames[number] += 1
        return number

    def remove_frames(self, number: int, count: int) -> None:
        """Count so many frames less. An episode without frames leaves the table."""
        self._frames[number] -= count
        if self._frames[number] == 0:
            entry = self._entries.pop(number)
            del self._frames[number], self._numbers[entry.robot, entry.id]

    def discard(self, robot: str, id: Hashable) -> int | None:
        """Remove an episode. Returns its number, None if it is not in the table."""
        number = self._numbers.pop((robot, id), None)
        if number is not None:
            del self._entries[number], self._frames[number]
        return number
