"""A subscription to a JSON topic: each message is checked before anything else sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from aassl_ros.data.interfaces.json_schema import JsonMessageError

M = TypeVar("M")
# The same faulty sender is named this often, not with every message.
_AGAIN_S = 5.0


class JsonSubscription(Generic[M]):
    """Hears a topic and hands on what is of its schema. The rest is counted in `refused` and logged.

    parse: text to message, raising JsonMessageError. on_refused: called with the error, for a topic that is answered.
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
        """Hear no more."""
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
