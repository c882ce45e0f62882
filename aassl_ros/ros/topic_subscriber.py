"""Subscribe to one recorded topic with the QoS of its publishers, and pass on its messages undecoded."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from aassl_ros.paths import share
from aassl_ros.ros import qos
from aassl_ros.ros.loss_cause import ADVICE, LossCause
from aassl_ros.ros.sequence_gaps import SequenceGaps

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

# On Humble, callbacks get only the message, without its source time and sequence number.
TELLS_SOURCE = hasattr(Subscription, "CallbackType")


@dataclass(frozen=True)
class FoundTopic:
    """A topic that will be received. type_hash: "" on distributions without type hashes."""

    name: str
    type: str
    publishers: tuple[TopicEndpointInfo, ...]
    profile: QoSProfile
    type_hash: str


class TopicSubscriber:
    """Subscribe to a topic as soon as it has a publisher. Call `look` regularly.

    found: called before the first message and after a change of publishers. received: called with (topic, source time
    in ns, CDR). lost: called with (topic, count, cause). report: called with a line for the user. received_as: the name
    of the topic that these callbacks get instead of its own.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        depth: int,
        *,
        found: Callable[[FoundTopic], None],
        received: Callable[[str, int, bytes], None],
        lost: Callable[[str, int, str], None],
        report: Callable[[str], None],
        received_as: str = "",
    ) -> None:
        self.name = node.resolve_topic_name(name)
        self.received_as = received_as or self.name
        self._node, self._depth = node, depth
        self._found, self._received, self._lost, self._report = found, received, lost, report
        self.topic: FoundTopic | None = None  # at the last subscription
        self._subscription: Subscription | None = None
        self._refused_type = ""
        self._gaps = SequenceGaps()
        self._causes = LossCause(depth)
        self._publishers: tuple[TopicEndpointInfo, ...] = ()
        self._begun = time.monotonic()
        self._published_since: float | None = None
        self.last_heard: float | None = None

    @property
    def publishers(self) -> tuple[TopicEndpointInfo, ...]:
        """Publishers found by the last `look`."""
        return self._publishers

    @property
    def numbered(self) -> bool | None:
        """Whether the middleware numbers the messages; None before the first."""
        return None if self.last_heard is None else self._gaps.counts

    @property
    def publisher_names(self) -> str:
        """The nodes that publish the topic now, separated by commas."""
        return ", ".join(sorted({info.node_name for info in self._node.get_publishers_info_by_topic(self.name)}))

    @property
    def profile(self) -> QoSProfile | None:
        """Profile of the subscription; None if there is none."""
        return None if self._subscription is None else self._subscription.qos_profile

    @property
    def silent_s(self) -> float:
        """Seconds since the last message, the appearance of the first publisher, or the start; the latest of these."""
        return time.monotonic() - max(self._begun, self._published_since or 0.0, self.last_heard or 0.0)

    def advice(self, after_s: float) -> str:
        """Say what to do about a topic without messages. after_s: time since the last one."""
        if not self._publishers:
            return f"{self.name}: there is no publisher. Start its driver, or remap the topic to the right name."
        names = self.publisher_names
        offers = "; ".join(sorted({qos.describe(publisher.qos_profile) for publisher in self._publishers}))
        ours = qos.describe(self.profile) if self.profile is not None else "nothing"
        return (
            f"{self.name}: {names} publishes it, but no message has arrived for {after_s:g} s "
            f"(QoS offered: {offers}; requested: {ours}). If its images are larger than 0.5 MB, its shared memory is "
            "too small: start it with FASTDDS_DEFAULT_PROFILES_FILE and FASTRTPS_DEFAULT_PROFILES_FILE set to "
            f"{share('config/fastdds_images.xml')}, or record compressed images (image_transport: compressed)."
        )

    def look(self) -> None:
        """Check the publishers. Subscribe if there is one; subscribe again with a weaker QoS if one now offers less."""
        self._publishers = tuple(self._node.get_publishers_info_by_topic(self.name))
        if not self._publishers:
            self._published_since = None
            return
        if self._published_since is None:
            self._published_since = time.monotonic()
        profile = qos.matching_profile(self._publishers, self._depth)
        if self._subscription is None:
            self._subscribe(profile)
        elif not qos.same_service(profile, self._subscription.qos_profile):
            self._report(f"{self.name}: its publishers now offer {qos.describe(profile)}. Subscribed again.")
            self.stop()
            self._subscribe(profile)

    def take_waiting(self) -> None:
        """Receive the waiting messages directly, for a lifecycle transition, during which the executor is blocked."""
        subscription = self._subscription
        for _ in range(self._depth if subscription is not None else 0):
            assert subscription is not None
            with subscription.handle:
                taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
            if taken is None:
                return
            self._on_message(*taken)

    def stop(self) -> None:
        """Stop receiving."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._subscription = None
        self._gaps.forget()

    def _subscribe(self, profile: QoSProfile) -> None:
        msgtype = self._publishers[0].topic_type
        cls = message_class(msgtype)
        if cls is None:
            if self._refused_type != msgtype:
                self._refused_type = msgtype
                package = msgtype.split("/")[0]
                self._report(
                    f"{self.name} is not recorded: its type {msgtype} is not installed for this Python. "
                    f"Install {package} (ros-DISTRO-{package.replace('_', '-')}) and start again."
                )
            return
        topic = FoundTopic(self.received_as, msgtype, self._publishers, profile, _type_hash(self._publishers))
        self._found(topic)
        self.topic = topic
        self._subscription = self._node.create_subscription(
            cls,
            self.name,
            self._on_message if TELLS_SOURCE else self._on_bare_message,
            profile,
            raw=True,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=self._on_incompatible, message_lost=self._on_lost, use_default_callbacks=False
            ),
        )

    def _on_message(self, data: bytes, info: Any) -> None:
        self.last_heard = time.monotonic()
        source_ns = int(info["source_timestamp"])
        self._causes.take(source_ns, time.time_ns(), len(data))
        if missing := self._gaps.add(info, lambda: len(self._publishers)):
            self._lost(self.received_as, missing, self._causes.cause())
        self._received(self.received_as, source_ns, data)

    def _on_bare_message(self, data: bytes) -> None:
        self._on_message(data, {"source_timestamp": self._node.get_clock().now().nanoseconds})

    def _on_incompatible(self, event: Any) -> None:
        self._report(
            f"{self.name}: the QoS of a publisher is incompatible "
            f"(requested: {qos.describe(self.profile) if self.profile else 'unknown'}; {event.total_count} so far). "
            "Make the publisher offer at least that."
        )

    def _on_lost(self, event: Any) -> None:
        cause = self._causes.cause()
        self._report(f"{self.name}: the middleware lost messages. {ADVICE[cause]}")
        if not self._gaps.counts:
            self._lost(self.received_as, int(event.total_count_change), cause)


def message_class(msgtype: str) -> Any:
    """Return the Python class of a type such as "std_msgs/msg/String"; None if its package is not installed."""
    package, _, name = msgtype.partition("/msg/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError):
        return None


def _type_hash(publishers: Sequence[TopicEndpointInfo]) -> str:
    found = getattr(publishers[0], "topic_type_hash", None)
    return "" if found is None or found.version < 1 else str(found)
