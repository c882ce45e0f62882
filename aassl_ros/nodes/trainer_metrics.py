"""When the trainer publishes its numbers as topics."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rclpy.node import Node

from aassl_ros.data.interfaces import topics
from aassl_ros.learning.online.status import METRICS
from aassl_ros.ros.number_topics import NumberTopics

BUFFER_FILL = "buffer_fill"
_EVERY_S = 1.0


class MetricTopics:
    """Publishes each number once per second, and after an update."""

    def __init__(self, node: Node) -> None:
        self._topics = NumberTopics(node, map(topics.metric_topic, (*METRICS, BUFFER_FILL)))
        self._step, self._sent_s = -1, 0.0

    def publish(self, step: int, values: Mapping[str, float]) -> None:
        """Publish the values that are known, by name, if it is time or `step` is new. Call it often."""
        now = time.monotonic()
        if step == self._step and now < self._sent_s + _EVERY_S:
            return
        self._step, self._sent_s = step, now
        self._topics.publish({topics.metric_topic(name): value for name, value in values.items()})

    def stop(self) -> None:
        """Remove the topics."""
        self._topics.stop()
