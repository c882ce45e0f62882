"""Every way to stop the explorer's arm from outside: a service, and a topic for a foot switch or a button."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Empty
from std_srvs.srv import Trigger

from aassl_ros.data.interfaces import topics


class StopRequests:
    """Call `stop` with the reason for each request. It returns what to tell the caller.

    The topic has two subscriptions: a reliable one gets nothing from a best-effort publisher, and a best-effort one may
    lose a message. A stop that comes twice is one stop.
    """

    def __init__(self, node: Node, stop: Callable[[str], str]) -> None:
        self._stop = stop
        node.create_service(Trigger, "explorer/stop", self._on_call)
        for reliability in (ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT):
            qos = QoSProfile(depth=10, reliability=reliability)
            node.create_subscription(Empty, topics.STOP_NOW, self._on_message, qos)

    def _on_call(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, self._stop("explorer/stop was called")
        return response

    def _on_message(self, message: Empty) -> None:
        self._stop(f"a message came on {topics.STOP_NOW}")
