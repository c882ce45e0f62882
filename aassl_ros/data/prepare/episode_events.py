"""A bag's episode events, known before its frames are read: an episode that is discarded later is left out at once."""

from __future__ import annotations

import contextlib

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.roles import BagRoles
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.clock_jump import JUMP_BACK_NS
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.stream_consumer import StreamConsumer
from aassl_ros.data.streams.sync import Synchronizer, SyncSettings
from aassl_ros.errors import DataError


class EpisodeEvents:
    """Reads the events at once. If the clock was set back in the bag, `feed` gives the events of each stretch apart."""

    def __init__(self, reader: BagReader, roles: BagRoles, settings: SyncSettings) -> None:
        self._reader, self._roles, self._settings = reader, roles, settings
        self._events: list[tuple[int, str]] = []  # receipt, JSON
        self._unreadable, self._refused = 0, set[int]()
        newest_ns, jumped = 0, False
        for message in reader.messages([roles.session.roles.episode]):
            try:
                text = reader.decode(message).data
                stamp_ns = EpisodeEvent.parse(text).stamp_ns
            except DataError:
                self._unreadable += 1
                continue
            self._events.append((message.log_ns, text))
            jumped |= stamp_ns < newest_ns - JUMP_BACK_NS
            newest_ns = max(newest_ns, stamp_ns)
        self._restarts = self._find_restarts() if jumped else []

    @property
    def refused(self) -> int:
        """Events that cannot be read or followed."""
        return self._unreadable + len(self._refused)

    def feed(self, consumer: StreamConsumer, since_ns: int = 0) -> None:
        """Give a consumer the events received from since_ns to the next time that the clock was set back."""
        until_ns = next((restart_ns for restart_ns in self._restarts if restart_ns > since_ns), None)
        for place, (log_ns, text) in enumerate(self._events):
            if log_ns >= since_ns and (until_ns is None or log_ns < until_ns):
                try:
                    consumer.add_episode(text)
                except DataError:
                    self._refused.add(place)

    def _find_restarts(self) -> list[int]:
        """Receipt of each message at which the clock shows to be set back, found as the consumer will find it."""
        synchronizer, found = Synchronizer(self._settings), []
        joint_states = self._roles.session.roles.joint_states
        for message in self._reader.messages([self._roles.camera_topic, joint_states]):
            before = synchronizer.counts.restarts
            with contextlib.suppress(DataError):  # counted where it is read
                if message.topic == joint_states:
                    state = self._reader.decode(message)
                    stamp_ns = messages.stamp_ns(state.header.stamp)
                    synchronizer.add_joint_state(stamp_ns, state.name, state.position)
                else:
                    synchronizer.add_frame(messages.header_stamp_ns(message.data), None)
            synchronizer.ready()
            if synchronizer.counts.restarts != before:
                found.append(message.log_ns)
        return found
