"""`aassl view live`: subscribes to every topic that Rerun can show, and shows its messages as they come."""

from __future__ import annotations

import contextlib
import time
from functools import partial
from typing import Any

from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from aassl_ros.errors import RosError
from aassl_ros.ros import qos
from aassl_ros.ros.context import start_rclpy
from aassl_ros.ros.topic_subscriber import message_class
from aassl_ros.ros.transport import set_image_transport
from aassl_ros.view.message_view import MessageView
from aassl_ros.view.rerun_log import RerunLog

# A slow viewer gets fewer messages, and never old ones.
_DEPTH = 10
_LOOK_S = 1.0
_NOTHING_S = 10.0


class LiveView:
    """A node with a subscription to each topic of a namespace that can be shown; new topics are found each second."""

    def __init__(self, log: RerunLog, *, namespace: str = "") -> None:
        set_image_transport()
        self._context = Context()
        start_rclpy(context=self._context)
        self._node = Node("live_view", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._within = f"/{namespace.strip('/')}/" if namespace.strip("/") else "/"
        self._subscribed: set[str] = set()
        self.view = MessageView(log)
        self._node.create_timer(_LOOK_S, self._look)

    def run(self, seconds: float) -> None:
        """Show messages for some seconds; 0: until Ctrl-C.

        Raises:
            RosError: nothing that can be shown is published.
        """
        begun = time.monotonic()
        self._look()
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
            while not seconds or time.monotonic() < begun + seconds:
                self._executor.spin_once(timeout_sec=0.1)
                if not self._subscribed and time.monotonic() > begun + _NOTHING_S:
                    raise RosError(
                        f"no topic under {self._within} can be shown (waited {_NOTHING_S:g} s). Start the nodes, with "
                        "the same ROS_DOMAIN_ID, or give --namespace."
                    )

    def close(self) -> None:
        """End the node."""
        self._node.destroy_node()
        self._context.try_shutdown()

    def _look(self) -> None:
        for topic, types in self._node.get_topic_names_and_types():
            kind = types[0]
            publishers = self._node.get_publishers_info_by_topic(topic)
            shown = topic.startswith(self._within) and self.view.shows(topic, kind)
            if topic in self._subscribed or not publishers or not shown or (cls := message_class(kind)) is None:
                continue
            self._subscribed.add(topic)
            profile = qos.matching_profile(publishers, _DEPTH)
            self._node.create_subscription(cls, topic, partial(self._take, topic, kind), profile)

    def _take(self, topic: str, kind: str, message: Any) -> None:
        self.view.take(topic, kind, message, self._node.get_clock().now().nanoseconds)


def view_live(log: RerunLog, *, namespace: str, seconds: float) -> MessageView:
    """Show live topics for some seconds, 0: until Ctrl-C. Raises RosError if there is nothing to show."""
    live = LiveView(log, namespace=namespace)
    try:
        live.run(seconds)
    finally:
        live.close()
    return live.view
