"""Receive only the newest message now and then, without waking up for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy


class _Gate(MutuallyExclusiveCallbackGroup):
    """A group whose callbacks run only while it is open. The executor does not wait for them otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False

    def can_execute(self, entity: Any) -> bool:
        return self.is_open and bool(super().can_execute(entity))


class ThrottledSubscription:
    """Subscribe with best effort and depth 1. Each `ask` lets one message through: the newest that there is.

    Messages in between stay in the middleware, which replaces them: they cost no callback and no decoding.

    Args:
        node: it subscribes.
        kind: type of the messages.
        topic: name of the topic.
        take: called with the message.
        raw: pass the message on as CDR bytes.
    """

    def __init__(self, node: Node, kind: Any, topic: str, take: Callable[[Any], None], *, raw: bool = False) -> None:
        self._node, self._take = node, take
        self._gate = _Gate()
        self._subscription = node.create_subscription(
            kind,
            topic,
            self._on_message,
            QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
            callback_group=self._gate,
            raw=raw,
        )

    def ask(self) -> None:
        """Take the newest message, or the next one if none has arrived since the last."""
        self._gate.is_open = True

    def stop(self) -> None:
        """Stop receiving."""
        self._gate.is_open = False
        self._node.destroy_subscription(self._subscription)

    def _on_message(self, message: Any) -> None:
        self._gate.is_open = False
        self._take(message)
