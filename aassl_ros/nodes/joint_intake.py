"""Receives the joint states of an arm, and tells how old the newest one of each joint is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages

# Best effort is compatible with reliable and best-effort drivers. Only the newest states are needed.
_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


class JointIntake:
    """Calls `take` with each joint state that has news of the arm, and its stamp, ns.

    joints: of the arm. Each must be heard: a message of the gripper alone, or one with NaN or with the stamp of the
    message before, is no news of the arm. timeout_s: if one of them is not heard for this time, the intake is silent.
    check_stamps: a joint state with an older stamp than that is not taken; a driver that repeats old states is as good
    as silent. A stamp of 0 is not checked.
    """

    def __init__(
        self,
        node: Node,
        take: Callable[[JointState, int], None],
        joints: Sequence[str],
        *,
        timeout_s: float,
        check_stamps: bool,
    ) -> None:
        self._node, self._take = node, take
        self._timeout_s, self._check_stamps = timeout_s, check_stamps
        self._heard = dict.fromkeys(joints, time.monotonic())
        self._stamps: dict[str, int] = {}
        self._behind_s = 0.0
        node.create_subscription(JointState, topics.JOINT_STATES, self._on_message, _QOS)

    @property
    def age_s(self) -> float:
        """Time since the last news of the joint that was heard least recently, s (steady clock)."""
        return time.monotonic() - min(self._heard.values())

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
        silent = [name for name, heard in self._heard.items() if time.monotonic() - heard > self._timeout_s]
        some = f"joint {silent[0]}" if silent and len(silent) < len(self._heard) else "joint states"
        return f"{some} on {topics.JOINT_STATES}"

    def _on_message(self, message: JointState) -> None:
        stamp_ns = messages.stamp_ns(message.header.stamp)
        behind_s = (self._node.get_clock().now().nanoseconds - stamp_ns) / 1e9
        if self._check_stamps and stamp_ns != 0 and behind_s > self._timeout_s:
            self._behind_s = behind_s
            return
        self._behind_s = 0.0
        news = [
            name
            for name, position in zip(message.name, message.position, strict=False)
            if name in self._heard and math.isfinite(position) and (stamp_ns == 0 or self._stamps.get(name) != stamp_ns)
        ]
        for name in news:
            self._heard[name], self._stamps[name] = time.monotonic(), stamp_ns
        if news:
            self._take(message, stamp_ns)
