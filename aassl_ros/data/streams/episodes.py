"""Episodes: intervals in which one object instance is handled, marked by start, stop and discard events."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Any

from aassl_ros.data.interfaces.json_catalogue import EPISODE, SETS
from aassl_ros.errors import DataError

__all__ = ["SETS", "Episode", "EpisodeEvent", "EpisodeTracker"]


@dataclass(frozen=True)
class EpisodeEvent:
    """One message on the episode topic.

    stamp_ns: stamp of the first frame of the episode (start) or of the first frame after it (stop).
    """

    id: str
    stamp_ns: int
    event: str
    instance: str = ""
    category: str | None = None
    set: str = "train"

    @classmethod
    def parse(cls, text: str) -> EpisodeEvent:
        """Read an event from JSON. Raises JsonMessageError (a DataError), which names the wrong key."""
        values = EPISODE.decode(text)
        identity, stamp_ns, event = values["id"], values["stamp"], values["event"]
        if event != "start":
            return cls(identity, stamp_ns, event)
        return cls(identity, stamp_ns, event, values["instance"], values["category"] or None, values["set"])

    def to_json(self) -> str:
        """The text of the message."""
        values: dict[str, Any] = {"id": self.id, "stamp": self.stamp_ns, "event": self.event}
        if self.event == "start":
            values |= {"instance": self.instance, "category": self.category, "set": self.set}
        return EPISODE.encode(values)


@dataclass(frozen=True)
class Episode:
    """An episode: all frames with start_ns <= stamp < stop_ns. (robot, id) identifies it.

    stop_ns is None while the episode runs.
    """

    robot: str
    id: str
    instance: str
    category: str | None
    set: str
    start_ns: int
    stop_ns: int | None = None
    discarded: bool = False

    def holds(self, stamp_ns: int) -> bool:
        """Whether a frame with this stamp belongs to the episode."""
        return self.start_ns <= stamp_ns and (self.stop_ns is None or stamp_ns < self.stop_ns)


class EpisodeTracker:
    """Takes the episode events of one robot and finds the episode of a frame.

    One object is handled at a time, so a start also ends the previous episode if its stop is missing.
    """

    def __init__(self, robot: str = "") -> None:
        self._robot = robot
        self._episodes: dict[str, Episode] = {}
        self._starts: list[tuple[int, str]] = []  # increasing (start_ns, id)

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """All episodes in order of their start, also discarded ones."""
        return tuple(self._episodes[identity] for _, identity in self._starts)

    def add(self, event: EpisodeEvent) -> Episode:
        """Add an event. A repeated event changes nothing.

        Args:
            event: the event.

        Returns:
            The episode after the event.

        Raises:
            DataError: a stop or discard of an unknown episode, a stop before the start, or an id started twice.
        """
        known = self._episodes.get(event.id)
        if event.event == "start":
            return self._start(event, known)
        if known is None:
            raise DataError(f"Episode {event.id}: {event.event} event, but the episode was never started.")
        if event.event == "discard":
            known = replace(known, discarded=True)
        elif event.stamp_ns < known.start_ns:
            raise DataError(
                f"Episode {event.id} stops at {event.stamp_ns} ns, before it starts, at {known.start_ns} ns."
            )
        if known.stop_ns is None or (event.event == "stop" and event.stamp_ns < known.stop_ns):
            known = replace(known, stop_ns=max(event.stamp_ns, known.start_ns))
        self._episodes[event.id] = known
        return known

    def at(self, stamp_ns: int) -> Episode | None:
        """The episode of a frame with this stamp; None between episodes and in discarded ones."""
        after = bisect_right(self._starts, stamp_ns, key=lambda start: start[0])
        if after == 0:
            return None
        episode = self._episodes[self._starts[after - 1][1]]
        return episode if episode.holds(stamp_ns) and not episode.discarded else None

    def _start(self, event: EpisodeEvent, known: Episode | None) -> Episode:
        reported = (event.instance, event.category, event.set, event.stamp_ns)
        if known is not None:
            if (known.instance, known.category, known.set, known.start_ns) != reported:
                raise DataError(f"Episode {event.id} of {known.instance!r} was started again as {event.instance!r}.")
            return known
        place = bisect_right(self._starts, event.stamp_ns, key=lambda start: start[0])
        if place > 0:
            before = self._episodes[self._starts[place - 1][1]]
            if before.stop_ns is None:
                self._episodes[before.id] = replace(before, stop_ns=event.stamp_ns)
        self._starts.insert(place, (event.stamp_ns, event.id))
        episode = Episode(self._robot, event.id, event.instance, event.category, event.set, event.stamp_ns)
        self._episodes[event.id] = episode
        return episode
