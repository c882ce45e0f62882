"""Keep the messages that a new bag needs after a split: latched ones, and the last joint states and commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from rclpy.qos import DurabilityPolicy

from aassl_ros.data.bags.closing_recordings import ClosingRecordings
from aassl_ros.data.bags.pre_record import PreRecordRing
from aassl_ros.data.bags.recording import Recording
from aassl_ros.ros import qos
from aassl_ros.ros.topic_subscriber import FoundTopic

# A frame arrives later than its stamp, because of exposure and transfer. It needs the joint states around its stamp.
_FRAME_LATENCY_NS = 500_000_000
_MOST = 1000


@dataclass
class _Kept:
    topic: FoundTopic
    messages: deque[tuple[int, int, bytes]] = field(default_factory=deque)


class SplitBacklog:
    """Keep the messages that a new bag needs. motion: topics of joint states and commands; half a second is kept."""

    def __init__(self, motion: Collection[str] = ()) -> None:
        self._motion = frozenset(motion)
        self._kept: dict[str, _Kept] = {}

    def follow(self, topic: FoundTopic) -> None:
        """Keep messages of a topic from now on. Of a latched topic, keep all that a late subscriber would get."""
        latched = topic.profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        is_motion = topic.name in self._motion
        if latched or is_motion:
            kept = self._kept.setdefault(topic.name, _Kept(topic))
            kept.messages = deque(kept.messages, maxlen=_MOST if is_motion else qos.LATCHED.depth)

    def take(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Keep a message if its topic is followed. Times are in ns; data is CDR."""
        if topic not in self._kept:
            return
        kept = self._kept[topic].messages
        kept.append((log_ns, publish_ns, data))
        # One message from before that time stays: the command in force at that time.
        while topic in self._motion and len(kept) > 1 and kept[1][0] <= log_ns - _FRAME_LATENCY_NS:
            kept.popleft()

    def forget(self, topics: Collection[str]) -> None:
        """Drop the messages of these topics, because their stamps are no longer valid."""
        for topic in topics:
            if topic in self._kept:
                self._kept[topic].messages.clear()

    def keep(self, topic: str, wanted: Callable[[bytes], bool]) -> None:
        """Of a topic, keep only the messages for which `wanted` is true of the CDR."""
        if topic in self._kept:
            kept = self._kept[topic].messages
            self._kept[topic].messages = deque((one for one in kept if wanted(one[2])), maxlen=kept.maxlen)

    def write_to(self, recording: Recording, log_ns: int | None = None) -> None:
        """Add the topics and their messages to a recording. log_ns: time of receipt, ns; None: that of each message."""
        for kept in self._kept.values():
            add_topic(recording, kept.topic)
            for received_ns, publish_ns, data in kept.messages:
                recording.receive(kept.topic.name, received_ns if log_ns is None else log_ns, publish_ns, data)


def add_topic(recording: Recording | ClosingRecordings | PreRecordRing, topic: FoundTopic) -> None:
    """Add a topic to a recording, with the QoS that its publishers offer. Raises BagError as `Recording.add_topic`."""
    recording.add_topic(topic.name, topic.type, qos=qos.offered(topic.publishers), type_hash=topic.type_hash)
