"""Asks the simulator to put an object into the hand, and waits for the stamp of the first frame that shows it."""

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

# As deep as the simulator's: an answer of somebody else's must not push ours out.
_ANSWERS = latched(10)


class ObjectRequests:
    """One request at a time: `ask`, then `shown_at` until it answers; `check` now and then for the time that is out."""

    def __init__(self, node: Node, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._publisher = node.create_publisher(String, topics.SIMULATOR_OBJECT, 10)
        self._states = JsonSubscription(
            node, topics.SIMULATOR_OBJECT_STATE, ObjectState.parse, self._on_state, _ANSWERS
        )
        self._pending: String | None = None  # not sent yet: nobody listens
        self._request, self._instance = "", ""
        self._asked = 0.0
        self._shown_ns: int | None = None

    def ask(self, instance: str, category: str) -> None:
        """Ask for this object; a request before it is forgotten."""
        self._request, self._instance, self._shown_ns = str(uuid.uuid4()), instance, None
        request = ObjectRequest(instance, category, self._request)
        self._pending, self._asked = String(data=request.to_json()), time.monotonic()
        self._send()

    @property
    def refused(self) -> int:
        """How many answers were not of their schema."""
        return self._states.refused

    def shown_at(self) -> int | None:
        """The stamp of the first frame with the object asked for, ns; None while it is not known."""
        return self._shown_ns

    def forget(self) -> None:
        """No answer is expected any more."""
        self._request, self._pending, self._shown_ns = "", None, None

    def check(self) -> None:
        """Raises RosError when the simulator has not answered in time."""
        self._send()
        if self._request and self._shown_ns is None and time.monotonic() - self._asked > self._timeout_s:
            listens = "nobody listens" if self._pending is not None else "no answer came"
            raise RosError(
                f"asked the simulator for {self._instance}, and {listens} on {self._publisher.topic_name} within "
                f"{self._timeout_s:g} s. Start the simulator, or set simulator to false for a real arm."
            )

    def _send(self) -> None:
        if self._pending is not None and self._publisher.get_subscription_count() > 0:
            self._publisher.publish(self._pending)
            self._pending = None

    def _on_state(self, state: ObjectState) -> None:
        if not self._request or state.request != self._request:
            return  # of a request of someone else's, or of before
        if state.error is not None:
            raise RosError(f"the simulator cannot show {self._instance}: {state.error}")
        self._shown_ns = state.stamp_ns
