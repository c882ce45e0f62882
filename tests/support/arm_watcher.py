"""A person at an arm, for tests: sees its joints, hears the explorer, and calls services."""

from __future__ import annotations

import subprocess
import time

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.messages import stamp_ns
from aassl_ros.motion.arms import Arm, load_arm

ARM = load_arm("panda")
# On a busy machine, joint states and commands may come late; only the tests of this disarm for it.
REAL = {"simulator": False, "joint_timeout_s": 30.0, "slow_start_s": 1.0, "following_tolerance": 5.0, "stuck_s": 8.0}
# Much longer than anything takes, even on a busy machine.
PATIENCE_S = 300.0


class Watcher:
    """A person at the arm: sees its joints and what the explorer says of itself, and calls services."""

    def __init__(self, ros, node: Node, arm: Arm = ARM) -> None:
        self.ros, self.node, self._home = ros, node, arm.home
        self.stamps: list[int] = []
        self.path: list[np.ndarray] = []
        self.from_home = np.inf  # at its nearest, rad
        self.said = self.armed = ""
        node.create_subscription(JointState, topics.JOINT_STATES, self._on_joints, 100)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def call(self, name: str, value: bool | None = None):
        kind, request = (Trigger, Trigger.Request()) if value is None else (SetBool, SetBool.Request(data=value))
        client = self.node.create_client(kind, name)
        answer = self.ros.call(client, request, what=f"an answer of {name}")
        self.node.destroy_client(client)
        return answer

    def waits_for(self, said: str) -> None:
        self.ros.wait_for(lambda: said in self.said, timeout_s=PATIENCE_S, what=f"{said!r} on diagnostics")

    def arm(self) -> None:
        """Arm the explorer as soon as it is ready, and see the arm move.

        On a busy machine it may be disarmed at once, because something came too late: then it is armed again.
        """
        start, asked_s = len(self.path), 0.0

        def moves() -> bool:
            nonlocal start, asked_s
            if self.armed != "True" and time.monotonic() - asked_s > 2:
                self.call("explorer/arm", True)
                start, asked_s = len(self.path), time.monotonic()
            return self.moved(start) > 0.1 and self.armed == "True"

        self.ros.wait_for(moves, timeout_s=PATIENCE_S, what="the armed arm to move")

    def moved(self, start: int) -> float:
        """How far a joint has moved since a joint state, rad."""
        return float(np.max(np.abs(self.path[-1] - self.path[start]))) if len(self.path) > start else 0.0

    def sees_motion(self, way: float = 0.1) -> None:
        start = len(self.path)
        self.ros.wait_for(lambda: self.moved(start) > way, timeout_s=PATIENCE_S, what="motion")

    def sees_no_motion(self) -> None:
        """The arm, which may still brake, comes to rest and stays there."""
        self.ros.spin(1.5)
        start = len(self.path)
        self.ros.spin(0.7)
        if len(self.path) > start:
            assert np.max(np.ptp(self.path[start:], axis=0)) < 0.01

    def disarmed(self) -> None:
        self.ros.wait_for(lambda: self.armed == "False", timeout_s=PATIENCE_S, what="the explorer to be disarmed")

    def _on_joints(self, message: JointState) -> None:
        self.stamps.append(stamp_ns(message.header.stamp))
        self.path.append(np.array(message.position))
        self.from_home = min(self.from_home, float(np.max(np.abs(self.path[-1] - self._home))))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == "explorer":
                self.said = status.message
                self.armed = {pair.key: pair.value for pair in status.values}["armed"]


def said_by(process: subprocess.Popen[str]) -> str:
    process.terminate()
    return process.communicate(timeout=120)[0]
