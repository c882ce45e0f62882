"""When a recorder continues in a new bag: by size, by time or by episodes, and if asked never inside an episode."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.bags.file_settings import MB
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.errors import DataError
from aassl_ros.settings import setting

_SECOND_NS = 1_000_000_000
# A frame arrives later than its stamp, so the last frames of an episode arrive after its stop.
_FRAME_LATENCY_NS = 500_000_000
# Bytes of a message's record and its index in the file, without the data.
_RECORD_BYTES = 47


@dataclass(frozen=True)
class SplitSettings:
    """When recording continues in a new bag (NAME_1, NAME_2). All may be given: the first that is reached counts."""

    split_mb: float = setting(
        0.0, "Continue in a new bag after this size, 10^6 bytes before compression; 0: no limit", minimum=0.0
    )
    split_s: float = setting(0.0, "Continue in a new bag after this time, seconds; 0: no limit", minimum=0.0)
    split_episodes: int = setting(
        0, "Continue in a new bag when an episode starts and the bag holds this many; 0: no limit", minimum=0
    )
    split_inside_episode: bool = setting(
        True, "Whether a split by size or time may divide an episode; false: it waits until no episode runs"
    )


class SplitRule:
    """Sees every message before it is recorded, and says when a new bag must be opened for it."""

    def __init__(self, settings: SplitSettings, episode_topic: str) -> None:
        self._settings = settings
        self._episode_topic = episode_topic
        self._started: set[str] = set()
        self._running: set[str] = set()
        self._stopped: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """A new bag was opened."""
        self._bytes, self._first_ns, self._episodes = 0, 0, len(self._running)

    def due(self, topic: str, log_ns: int, data: bytes, size: int | None = None) -> str:
        """Return why a new bag must be opened before this message is recorded; empty if it need not be.

        Args:
            topic: of the message.
            log_ns: time of receipt, ns; 0 if the clock has no time yet.
            data: the message as CDR.
            size: bytes that it will have in the bag; None: as many as `data`.
        """
        event = self._event(topic, data)
        is_start = event is not None and event.event == "start" and event.id not in self._started
        size = (len(data) if size is None else size) + _RECORD_BYTES
        reason = self._reason(size, log_ns, is_start)
        if reason:
            self.begin()
        self._bytes += size
        self._first_ns = self._first_ns or log_ns
        if event is not None:
            self._follow(event, log_ns, is_start)
        return reason

    def is_current(self, data: bytes) -> bool:
        """Whether an event on the topic of episodes belongs to an episode that runs or whose frames still arrive."""
        event = self._event(self._episode_topic, data)
        return event is not None and (event.id in self._running or event.id in self._stopped)

    def _reason(self, size: int, log_ns: int, is_start: bool) -> str:
        settings = self._settings
        for identity in [key for key, at in self._stopped.items() if is_start or log_ns - at > _FRAME_LATENCY_NS]:
            del self._stopped[identity]
        if settings.split_episodes and is_start and self._episodes >= settings.split_episodes:
            return f"it holds {self._episodes} episodes"
        if not settings.split_inside_episode and (self._running or self._stopped):
            return ""
        if settings.split_mb and self._bytes and self._bytes + size > settings.split_mb * MB:
            return f"it holds {settings.split_mb:g} MB"
        if settings.split_s and self._first_ns and log_ns - self._first_ns >= settings.split_s * _SECOND_NS:
            return f"it holds {settings.split_s:g} s"
        return ""

    def _follow(self, event: EpisodeEvent, log_ns: int, is_start: bool) -> None:
        if is_start:
            self._started.add(event.id)
            self._running.add(event.id)
            self._episodes += 1
        elif event.event != "start" and event.id in self._running:
            self._running.remove(event.id)
            self._stopped[event.id] = log_ns

    def _event(self, topic: str, data: bytes) -> EpisodeEvent | None:
        if topic != self._episode_topic:
            return None
        try:
            return EpisodeEvent.parse(messages.decode(messages.STRING, data).data)
        except DataError:
            return None
