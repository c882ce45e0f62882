"""Numbers of a node as topics of their own, which PlotJuggler, Foxglove and rqt_plot draw without any code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rclpy.node import Node
from std_msgs.msg import Float64


class NumberTopics:
    """Publishes each number on a topic. Without a subscriber it costs next to nothing.

    Args:
        node: the publisher.
        topics: one for each number.
    """

    def __init__(self, node: Node, topics: Iterable[str]) -> None:
        self._node = node
        # Of the class: a lifecycle node's own method makes publishers that are silent while it is inactive.
        self._publishers = {topic: Node.create_publisher(node, Float64, topic, 10) for topic in topics}

    def publish(self, values: Mapping[str, float]) -> None:
        """Publish some of the numbers, by topic."""
        for topic, value in values.items():
            publisher = self._publishers[topic]
            if publisher.get_subscription_count() > 0:
                publisher.publish(Float64(data=float(value)))

    def stop(self) -> None:
        """Remove the topics."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
