"""Arm and disarm the explorer, and log it. The decisions are made in motion/arming.py."""

from __future__ import annotations

from rclpy.node import Node

from aassl_ros.motion.arming import Arming
from aassl_ros.nodes.controllers import ControllerWatch
from aassl_ros.nodes.explorer_settings import ExplorerSettings


class ArmingGate:
    """Gate for commands on a topic: open if its controllers belong to the simulator, or if they have been armed."""

    def __init__(self, node: Node, topic: str, settings: ExplorerSettings) -> None:
        self._log, self._topic = node.get_logger(), topic
        self._watch = ControllerWatch(node, topic, only=settings.controller)
        self._arming = Arming(trust_simulator=settings.simulator, at_start=settings.armed)
        namespace = node.get_namespace().strip("/")
        self.how = "aassl call explorer/arm" + (f" --namespace {namespace}" if namespace else "")

    @property
    def armed(self) -> bool:
        """Whether the arm is armed."""
        return self._arming.armed

    @property
    def needed(self) -> bool:
        """Whether the arm has to be armed before it moves."""
        return self._arming.needed(self._watch.present)

    def lacking(self) -> str:
        """Return what is missing before the arm can be armed; empty if nothing is missing."""
        self._watch.look()
        return self._watch.lacking()

    def is_open(self) -> bool:
        """Return whether a command may be sent to the present controllers."""
        return self._arming.allows(self._watch.look())

    def arm(self, why: str) -> None:
        """Arm for the present controllers, and log the reason."""
        self._arming.arm(self._watch.present)
        self._say_armed(why)

    def arm_at_start(self) -> None:
        """Arm once if the parameter `armed` is true."""
        if self.needed and self._arming.arm_at_start(self._watch.present):
            self._say_armed("the parameter armed is true")

    def disarm(self, why: str) -> None:
        """Disarm and log the reason. If it is not armed, the parameter `armed` no longer arms it."""
        if self._arming.disarm():
            self._log.warning(f"disarmed: {why}. The arm stays still until it is armed again: {self.how}")

    def say_closed(self) -> None:
        """Log that the arm waits to be armed, and how to arm it."""
        self._log.warning(f"ready, but not armed: {self._names()} stays still until you call: {self.how}")

    def withdraw(self) -> None:
        """Disarm because the controllers have changed, and log which."""
        change = f"{self._arming.change(self._watch.present)} on {self._topic}"
        if self.armed:
            self.disarm(change)
        else:
            self._arming.disarm()
            self._log.warning(f"{change}, and is not a simulator: no command is sent")

    def _say_armed(self, why: str) -> None:
        self._log.warning(f"armed ({why}): {self._names()} moves now. To stop: aassl call explorer/stop")

    def _names(self) -> str:
        return f"the arm of {', '.join(sorted(controller.name for controller in self._watch.present))}"
