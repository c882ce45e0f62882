"""What a bag begun by a split needs from before: latched messages, and the last joint states and commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from rclpy.qos import DurabilityPolicy

from aassl_ros.ros import qos
from aassl_ros.ros.topic_subscriber import FoundTopic

# A frame is stamped before it comes, by its exposure and transfer: it needs the joint states around that stamp.
_FRAME_LATENCY_NS = 500_000_000
_MOST = 1000


@dataclass
class _Kept:
    topic: FoundTopic
    messages: deque[tuple[int, int, bytes]] = field(default_factory=deque)


class SplitBacklog:
    """Keeps them while they pass. motion: the topics of joint states and commands; half a second of them is kept."""

    def __init__(self, motion: Collection[str] = ()) -> None:
        self._motion = frozenset(motion)
        self._kept: dict[str, _Kept] = {}

    def follow(self, topic: FoundTopic) -> None:
        """From now on keep what is needed of a topic: of a latched one all that a late listener would be given."""
        latched = topic.profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        is_motion = topic.name in self._motion
        if latched or is_motion:
            kept = self._kept.setdefault(topic.name, _Kept(topic))
            kept.messages = deque(kept.messages, maxlen=_MOST if is_motion else qos.LATCHED.depth)

    def take(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """A message has passed."""
        if topic not in self._kept:
            return
        kept = self._kept[topic].messages
        kept.append((log_ns, publish_ns, data))
        # One from before that time stays: the command in force then.
        while topic in self._motion and len(kept) > 1 and kept[1][0] <= log_ns - _FRAME_LATENCY_NS:
            kept.popleft()

    def forget(self, topics: Collection[str]) -> None:
        """Let go of the messages of these topics: their stamps say nothing any more."""
        for topic in topics:
            if topic in self._kept:
                self._kept[topic].messages.clear()

    def __iter__(self) -> Iterator[tuple[FoundTopic, list[tuple[int, int, bytes]]]]:
        """Each topic kept and its messages as (log_ns, publish_ns, CDR)."""
        return iter([(kept.topic, list(kept.messages)) for kept in self._kept.values()])
