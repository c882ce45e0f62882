"""Request an object from the simulator, and wait for the stamp of the first frame that shows it."""

from __future__ import annotations

import time
import uuid

from rclpy.node import Node
from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import ObjectRequest, ObjectState
from aassl_ros.errors import RosError
from aassl_ros.ros.json_subscription import JsonSubscription
from aassl_ros.ros.qos import latched

# As deep as the simulator's, so that answers to other nodes do not displace ours.
_ANSWERS = latched(10)


class ObjectRequests:
    """One request at a time: call `ask`, then `shown_at` until it returns a stamp. Call `check` regularly."""

    def __init__(self, node: Node, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._publisher = node.create_publisher(String, topics.SIMULATOR_OBJECT, 10)
        self._states = JsonSubscription(
            node, topics.SIMULATOR_OBJECT_STATE, ObjectState.parse, self._on_state, _ANSWERS
        )
        self._pending: String | None = None  # not sent yet, because there is no subscriber
        self._request, self._instance = "", ""
        self._asked = 0.0
        self._shown_ns: int | None = None

    def ask(self, instance: str, category: str) -> None:
        """Request this object. An earlier request is dropped."""
        self._request, self._instance, self._shown_ns = str(uuid.uuid4()), instance, None
        request = ObjectRequest(instance, category, self._request)
        self._pending, self._asked = String(data=request.to_json()), time.monotonic()
        self._send()

    @property
    def refused(self) -> int:
        """Number of invalid answers."""
        return self._states.refused

    def shown_at(self) -> int | None:
        """Return the stamp in ns of the first frame with the requested object; None if there is no answer yet."""
        return self._shown_ns

    def forget(self) -> None:
        """Drop the request: no answer is expected any more."""
        self._request, self._pending, self._shown_ns = "", None, None

    def check(self) -> None:
        """Send a waiting request. Raises RosError if the simulator has not answered in time."""
        self._send()
        if self._request and self._shown_ns is None and time.monotonic() - self._asked > self._timeout_s:
            missing = "there was no subscriber" if self._pending is not None else "no answer came"
            raise RosError(
                f"requested {self._instance} from the simulator, but {missing} on {self._publisher.topic_name} within "
                f"{self._timeout_s:g} s. Start the simulator, or set simulator to false for a real arm."
            )

    def _send(self) -> None:
        if self._pending is not None and self._publisher.get_subscription_count() > 0:
            self._publisher.publish(self._pending)
            self._pending = None

    def _on_state(self, state: ObjectState) -> None:
        if not self._request or state.request != self._request:
            return  # answer to another node, or to an earlier request
        if state.error is not None:
            raise RosError(f"the simulator cannot show {self._instance}: {state.error}")
        self._shown_ns = state.stamp_ns
