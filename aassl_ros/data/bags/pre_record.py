"""The last seconds in memory, written to a bag when an event asks for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rosbags.interfaces import Qos, QosDurability

from aassl_ros.data.bags.file_settings import MB
from aassl_ros.data.bags.message_queue import NewTopic
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.errors import DataError
from aassl_ros.settings import setting

WAITING = "Waiting for recorder/trigger or the start of an episode"
"""The message of a recorder that waits."""

_SECOND_NS = 1_000_000_000
# Of a latched topic, this many messages stay, as in a split.
_LATCHED_DEPTH = 100


@dataclass(frozen=True)
class PreRecordSettings:
    """The recorder waits and keeps the last seconds in memory."""

    pre_record_s: float = setting(
        0.0,
        "Write nothing until recorder/trigger is called or an episode starts; then also write the last seconds, "
        "this many; 0: record at once",
        minimum=0.0,
        maximum=3600.0,
    )
    pre_record_mb: float = setting(
        512.0,
        "Most memory for the messages that wait for the trigger, 10^6 bytes; the oldest are dropped first",
        minimum=1.0,
        maximum=65536.0,
    )


class _Kept(NamedTuple):
    topic: str
    log_ns: int
    publish_ns: int
    data: bytes


class PreRecordRing:
    """The newest messages, bounded by time and bytes, and the latched messages from before.

    Args:
        settings: the bounds.
        episode_topic: the absolute name of the topic whose start events are a trigger.
    """

    def __init__(self, settings: PreRecordSettings, episode_topic: str) -> None:
        self._settings = settings
        self._episode_topic = episode_topic
        self._topics: dict[str, NewTopic] = {}
        self._messages: deque[_Kept] = deque()
        self._latched: dict[str, deque[_Kept]] = {}
        self._bytes = 0

    @property
    def mb(self) -> float:
        """The size of the messages in memory, 10^6 bytes."""
        return self._bytes / MB

    @property
    def seconds(self) -> float:
        """The time from the oldest to the newest message in memory, seconds."""
        return (self._messages[-1].log_ns - self._messages[0].log_ns) / _SECOND_NS if self._messages else 0.0

    def add_topic(self, name: str, msgtype: str, *, qos: Sequence[Qos] = (), type_hash: str = "") -> None:
        """Add a topic before its first message. For arguments and errors, see `Recording.add_topic`."""
        messages.definition(msgtype)
        self._topics.setdefault(name, NewTopic(name, msgtype, tuple(qos), type_hash))
        if any(profile.durability == QosDurability.TRANSIENT_LOCAL for profile in qos):
            self._latched.setdefault(name, deque(maxlen=_LATCHED_DEPTH))

    def receive(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Keep a message, and drop those that are too old or too many. For arguments, see `Recording.receive`."""
        self._messages.append(_Kept(topic, log_ns, publish_ns, data))
        self._bytes += len(data)
        oldest_ns = log_ns - self._settings.pre_record_s * _SECOND_NS
        while self._messages and (
            self._messages[0].log_ns < oldest_ns or self._bytes > self._settings.pre_record_mb * MB
        ):
            old = self._messages.popleft()
            self._bytes -= len(old.data)
            if old.topic in self._latched:
                self._latched[old.topic].append(old)

    def is_trigger(self, topic: str, log_ns: int, data: bytes) -> bool:
        """Whether a message is the start of an episode. If that is older than the messages in memory, it is not."""
        if topic != self._episode_topic:
            return False
        try:
            event = EpisodeEvent.parse(messages.decode(messages.STRING, data).data)
        except DataError:
            return False
        return event.event == "start" and event.stamp_ns >= log_ns - self._settings.pre_record_s * _SECOND_NS

    def forget(self) -> None:
        """Drop all messages that are not latched, because the clock was set back."""
        for message in self._messages:
            if message.topic in self._latched:
                self._latched[message.topic].append(message)
        self._messages.clear()
        self._bytes = 0

    def write_to(self, recording: Recording) -> None:
        """Add all topics and messages to a recording. Latched messages from before get the time of the first one."""
        for topic in self._topics.values():
            recording.add_topic(topic.name, topic.type, qos=topic.qos, type_hash=topic.type_hash)
        first_ns = self._messages[0].log_ns if self._messages else 0
        earlier = [message for kept in self._latched.values() for message in kept]
        recording.preload((one.topic, first_ns or one.log_ns, one.publish_ns, one.data) for one in earlier)
        recording.preload(self._messages)
