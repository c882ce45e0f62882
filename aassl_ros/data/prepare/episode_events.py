"""Reads a bag's episode events before its frames, so that episodes which are discarded later can be skipped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from aassl_ros.data.bags.labels import labels_path
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.roles import BagRoles
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.clock_jump import JUMP_BACK_NS
from aassl_ros.data.streams.episodes import Episode, EpisodeEvent
from aassl_ros.data.streams.squares import Square
from aassl_ros.data.streams.stream_consumer import StreamConsumer
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import DataError


class EpisodeEvents:
    """Reads all episode events first. If the clock was set back in the bag, the events of each section are separate.

    If the bag has labels, its episodes are theirs and the recorded events are not read. `note` then says so.
    """

    def __init__(self, reader: BagReader, roles: BagRoles, settings: SyncSettings) -> None:
        self._reader, self._roles, self._settings = reader, roles, settings
        self._events: list[tuple[int, str]] = []  # receipt, JSON
        self._unreadable, self._refused = 0, set[int]()
        self._ends: list[int] = []  # receipt of the last message before the clock was set back, each time
        self._seen_restarts = self._risen_ns = 0
        self.note = ""
        self._labels = reader.labels
        if self._labels is not None:
            recorded = len(reader.recorded_episodes())
            self.note = (
                f"its {len(self._labels)} episodes are those of {labels_path(reader.path).name}, "
                f"not the {recorded} of the recording"
            )
        elif self._read():
            self._ends = self._find_ends()

    @property
    def refused(self) -> int:
        """The number of events that cannot be read or used."""
        return self._unreadable + len(self._refused)

    def feed(self, consumer: StreamConsumer, after_ns: int = 0) -> None:
        """Give a consumer the events received after after_ns, up to the next jump back of the clock."""
        for event in events_of(self._labels or ()):
            consumer.add_episode(event.to_json())
        until_ns = next((end_ns for end_ns in self._ends if end_ns > after_ns), None)
        for place, (log_ns, text) in enumerate(self._events):
            if log_ns > after_ns and (until_ns is None or log_ns <= until_ns):
                try:
                    consumer.add_episode(text)
                except DataError:
                    self._refused.add(place)

    def follow(self, consumer: StreamConsumer, log_ns: int) -> None:
        """Continue with the next section if the last frame or joint state of the consumer starts one."""
        if consumer.sync_counts.restarts != self._seen_restarts:
            self._seen_restarts = consumer.sync_counts.restarts
            self.feed(consumer, self._risen_ns)
        if consumer.rising:
            self._risen_ns = log_ns

    def _read(self) -> bool:
        """Read all events. Returns whether some of their stamps jump back."""
        newest_ns, jumped = 0, False
        for message in self._reader.messages([self._roles.session.roles.episode]):
            try:
                text = self._reader.decode(message).data
                stamp_ns = EpisodeEvent.parse(text).stamp_ns
            except DataError:
                self._unreadable += 1
                continue
            self._events.append((message.log_ns, text))
            jumped |= stamp_ns < newest_ns - JUMP_BACK_NS
            newest_ns = max(newest_ns, stamp_ns)
        return jumped

    def _find_ends(self) -> list[int]:
        """Find the ends of the sections, by reading frames and joint states in the same way as the bag's consumer."""
        consumer, ends, risen_ns = StreamConsumer(1, self._settings), [], 0
        joint_topics = self._roles.joint_topics
        for message in self._reader.messages([self._roles.camera_topic, *joint_topics]):
            before = consumer.sync_counts.restarts
            with contextlib.suppress(DataError):  # counted where it is read
                if message.topic in joint_topics:
                    state = self._reader.decode(message)
                    consumer.add_joint_state(messages.stamp_ns(state.header.stamp), state.name, state.position)
                else:
                    consumer.add_undecoded(messages.header_stamp_ns(message.data), _no_image)
            list(consumer.frames())  # empty, because the consumer has no episodes
            if consumer.sync_counts.restarts != before:
                ends.append(risen_ns)
            if consumer.rising:
                risen_ns = message.log_ns
        return ends


def events_of(episodes: Iterable[Episode]) -> Iterator[EpisodeEvent]:
    """The events that say what closed episodes say, without discarded episodes."""
    for episode in episodes:
        if not episode.discarded and episode.stop_ns is not None:
            named = episode.instance, episode.category, episode.set
            yield EpisodeEvent(episode.id, episode.start_ns, "start", *named)
            yield EpisodeEvent(episode.id, episode.stop_ns, "stop")


def _no_image() -> Square:
    raise DataError("not decoded here")
