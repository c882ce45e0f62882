"""A subscription to a JSON topic that checks each message against its schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from aassl_ros.data.interfaces.json_schema import JsonMessageError

M = TypeVar("M")
# At most one warning in this time, not one for every bad message.
_AGAIN_S = 5.0


class JsonSubscription(Generic[M]):
    """Subscribe to a topic and pass on valid messages. Invalid ones are counted in `refused` and logged.

    parse: converts text to a message and raises JsonMessageError. on_refused: called with the error, for example to
    publish an answer.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        parse: Callable[[str], M],
        take: Callable[[M], None],
        qos: QoSProfile | int,
        *,
        on_refused: Callable[[JsonMessageError], None] | None = None,
    ) -> None:
        self._node, self._parse, self._take, self._on_refused = node, parse, take, on_refused
        self.refused = 0
        self._subscription = node.create_subscription(String, topic, self._on_message, qos)

    def stop(self) -> None:
        """Stop receiving."""
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: String) -> None:
        try:
            parsed = self._parse(message.data)
        except JsonMessageError as error:
            self.refused += 1
            self._node.get_logger().warning(f"refused: {error}", throttle_duration_sec=_AGAIN_S)
            if self._on_refused is not None:
                self._on_refused(error)
            return
        self._take(parsed)
