"""A subscription that counts what it received and what was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from aassl_ros.ros.sequence_gaps import SequenceGaps
from aassl_ros.ros.topic_subscriber import TELLS_SOURCE


class CountedSubscription:
    """Subscribe to a topic and pass on each message.

    received: messages received. lost: messages published but not received, by gaps in the publishers' sequence numbers
    (always 0 on Humble, which gives none).
    """

    def __init__(self, node: Node, kind: type, topic: str, take: Callable[[Any], None], qos: QoSProfile) -> None:
        self.received = self.lost = 0
        self._node, self._take, self._gaps = node, take, SequenceGaps()
        self._topic = node.resolve_topic_name(topic)
        callback = self._on_message if TELLS_SOURCE else self._on_bare_message
        self._subscription = node.create_subscription(kind, topic, callback, qos)

    def stop(self) -> None:
        """Stop receiving."""
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: Any, info: Mapping[str, Any]) -> None:
        self.received += 1
        self.lost += self._gaps.add(info, lambda: self._node.count_publishers(self._topic))
        self._take(message)

    def _on_bare_message(self, message: Any) -> None:
        self._on_message(message, {})
