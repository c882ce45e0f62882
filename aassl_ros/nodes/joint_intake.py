"""Receives the joint states of an arm, and tells how old the newest ones are."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages

# Best effort is compatible with reliable and best-effort drivers. Only the newest states are needed.
_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


class JointIntake:
    """Calls `take` with each joint state and its stamp, ns.

    timeout_s: without joint states for this time, the intake is silent. check_stamps: a joint state with an older stamp
    than that is not taken; a driver that repeats old states is as good as silent. A stamp of 0 is not checked.
    """

    def __init__(
        self, node: Node, take: Callable[[JointState, int], None], *, timeout_s: float, check_stamps: bool
    ) -> None:
        self._node, self._take = node, take
        self._timeout_s, self._check_stamps = timeout_s, check_stamps
        self._heard = time.monotonic()
        self._behind_s = 0.0
        node.create_subscription(JointState, topics.JOINT_STATES, self._on_message, _QOS)

    @property
    def age_s(self) -> float:
        """Time since the last joint state that was taken, s (steady clock)."""
        return time.monotonic() - self._heard

    @property
    def silent(self) -> bool:
        """Whether there was no joint state for the timeout."""
        return self.age_s > self._timeout_s

    @property
    def lacking(self) -> str:
        """What to wait for if there are no joint states."""
        if self._behind_s > 0:
            return (
                f"newer joint states on {topics.JOINT_STATES} (their stamps are {self._behind_s:.1f} s behind this "
                "machine's clock: the driver repeats old states, or the clocks differ)"
            )
        return f"joint states on {topics.JOINT_STATES}"

    def _on_message(self, message: JointState) -> None:
        stamp_ns = messages.stamp_ns(message.header.stamp)
        behind_s = (self._node.get_clock().now().nanoseconds - stamp_ns) / 1e9
        if self._check_stamps and stamp_ns != 0 and behind_s > self._timeout_s:
            self._behind_s = behind_s
            return
        self._behind_s, self._heard = 0.0, time.monotonic()
        self._take(message, stamp_ns)
