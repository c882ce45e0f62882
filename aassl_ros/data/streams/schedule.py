"""The schedule of objects to handle, one after the other, and the episode events for them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aassl_ros.data.streams.episodes import SETS, EpisodeEvent
from aassl_ros.errors import ConfigError

_NUMBER = re.compile(r"_\d+$")


@dataclass(frozen=True)
class ScheduledObject:
    """One object instance to handle, its category, and the instance set of its episode."""

    set: str
    instance: str
    category: str

    @classmethod
    def parse(cls, text: str) -> ScheduledObject:
        """Read "SET:INSTANCE" or "SET:INSTANCE:CATEGORY". Raises ConfigError if the text is something else.

        Without CATEGORY the category is the name of the instance without its number.
        """
        parts = text.split(":")
        if len(parts) not in (2, 3) or parts[0] not in SETS or not all(parts):
            raise ConfigError(
                f"object {text!r}, expected SET:INSTANCE, such as train:mug_0003, with SET one of {', '.join(SETS)}."
            )
        category = parts[2] if len(parts) == 3 else _NUMBER.sub("", parts[1])
        return cls(parts[0], parts[1], category)


class Schedule:
    """Goes through the objects: `take` one, `start` its episode, `stop_if_due`.

    After `interrupt` the same object is taken again.
    """

    def __init__(self, objects: Iterable[ScheduledObject], episode_ns: int) -> None:
        self._objects: Iterator[ScheduledObject] = iter(objects)
        self._episode_ns = episode_ns
        self._again: ScheduledObject | None = None
        self._start: EpisodeEvent | None = None
        self.current: ScheduledObject | None = None
        self.handled = 0
        self.discarded = 0

    @property
    def running(self) -> bool:
        """Whether an episode has started and has not ended."""
        return self._start is not None

    def take(self) -> ScheduledObject | None:
        """Take the next object to handle; None if there is none left."""
        self.current = self._again or next(self._objects, None)
        self._again = None
        return self.current

    def start(self, stamp_ns: int) -> EpisodeEvent:
        """Start the episode of the current object at the frame with this stamp. Returns the start event."""
        if self.current is None or self._start is not None:
            raise ValueError("no object was taken, or its episode has already started")
        taken = self.current
        identity = str(uuid.uuid4())
        self._start = EpisodeEvent(identity, stamp_ns, "start", taken.instance, taken.category, taken.set)
        return self._start

    def stop_if_due(self, now_ns: int) -> EpisodeEvent | None:
        """The stop event if the running episode has lasted its time, else None. Its stamp is exactly at that time."""
        if self._start is None or now_ns < self._start.stamp_ns + self._episode_ns:
            return None
        return self._end("stop", self._start.stamp_ns + self._episode_ns)

    def stop_early(self, now_ns: int) -> EpisodeEvent | None:
        """End the running episode now and keep its frames. Returns the stop event.

        Returns None if no episode runs, and a discard event if the episode has not begun yet.
        """
        if self._start is None:
            return None
        return self._end("stop", now_ns) if now_ns > self._start.stamp_ns else self.interrupt(now_ns)

    def interrupt(self, now_ns: int) -> EpisodeEvent | None:
        """Discard the running episode. The next `take` returns the same object.

        Returns the discard event, or None if no episode runs.
        """
        self._again, self.current = self.current, None
        if self._start is None:
            return None
        return self._end("discard", max(now_ns, self._start.stamp_ns))

    def _end(self, event: str, stamp_ns: int) -> EpisodeEvent:
        assert self._start is not None
        ended = EpisodeEvent(self._start.id, stamp_ns, event)
        self.handled += event == "stop"
        self.discarded += event == "discard"
        self._start = self.current = None
        return ended
