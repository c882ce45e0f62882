"""Receive the robot description of a node's namespace, or, with a warning, the absolute one if there is no other."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.ros.qos import LATCHED

_LOOK_S = 0.5
# DDS discovers the description in the node's own namespace within this time, if there is one.
_GRACE_S = 2.0


class RobotDescription:
    """Call on_urdf with each description. The relative topic robot_description takes precedence.

    If there are several robots, each has a description in its namespace, and /robot_description may belong to another.
    """

    def __init__(self, node: Node, on_urdf: Callable[[str], None], *, topic: str = topics.ROBOT_DESCRIPTION) -> None:
        """topic: of the robot's own description."""
        self._node, self._on_urdf = node, on_urdf
        self.topic = node.resolve_topic_name(topic)
        self._absolute: tuple[float, str] | None = None  # time of receipt, text
        self._subscriptions = [node.create_subscription(String, topic, self._on_own, LATCHED)]
        self._timer = None
        if self.topic != topics.ABSOLUTE_ROBOT_DESCRIPTION:
            self._subscriptions.append(
                node.create_subscription(String, topics.ABSOLUTE_ROBOT_DESCRIPTION, self._on_absolute, LATCHED)
            )
            self._timer = node.create_timer(_LOOK_S, self._fall_back, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def stop(self) -> None:
        """Stop receiving."""
        self._end_fallback()
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_own(self, message: String) -> None:
        self._end_fallback()
        self._on_urdf(message.data)

    def _on_absolute(self, message: String) -> None:
        self._absolute = (time.monotonic(), message.data)

    def _fall_back(self) -> None:
        if self._absolute is None or time.monotonic() - self._absolute[0] < _GRACE_S:
            return
        if self._node.count_publishers(self.topic) == 0:
            self._node.get_logger().warning(
                f"no publisher on {self.topic}: the robot description is taken from "
                f"{topics.ABSOLUTE_ROBOT_DESCRIPTION}. If that belongs to another robot, remap robot_description."
            )
            self._end_fallback()
            self._on_urdf(self._absolute[1])

    def _end_fallback(self) -> None:
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._timer = None
