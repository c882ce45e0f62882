"""Arms and disarms the explorer's arm, and says so on the console. What decides is motion/arming.py."""

from __future__ import annotations

from rclpy.node import Node

from aassl_ros.motion.arming import Arming
from aassl_ros.nodes.controllers import ControllerWatch
from aassl_ros.nodes.explorer_settings import ExplorerSettings


class ArmingGate:
    """Allows commands to the controllers of a topic while these are the simulator, or armed."""

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
        """What to wait for before the arm can be armed; empty if nothing."""
        self._watch.look()
        return self._watch.lacking()

    def is_open(self) -> bool:
        """Whether a command may go out now, to those that would hear it now."""
        return self._arming.allows(self._watch.look())

    def arm(self, why: str) -> None:
        """Arm the arm for the controllers that are there."""
        self._arming.arm(self._watch.present)
        self._say_armed(why)

    def arm_at_start(self) -> None:
        """Arm it if a parameter asked for that in advance; does so once."""
        if self.needed and self._arming.arm_at_start(self._watch.present):
            self._say_armed("the parameter armed is true")

    def disarm(self, why: str) -> None:
        """Disarm it, and say why; nothing if it is not armed."""
        if self._arming.disarm():
            self._log.warning(f"disarmed: {why}. The arm stays still until it is armed again: {self.how}")

    def say_closed(self) -> None:
        """Say on the console that the arm waits to be armed, and how that is done."""
        self._log.warning(f"ready, but not armed: {self._names()} stays still until you call: {self.how}")

    def withdraw(self) -> None:
        """Disarm because others listen now than those that may be moved, and say who."""
        change = f"{self._arming.change(self._watch.present)} on {self._topic}"
        if self.armed:
            self.disarm(change)
        else:
            self._log.warning(f"{change}, and is no simulator: no command goes out")

    def _say_armed(self, why: str) -> None:
        self._log.warning(f"armed ({why}): {self._names()} moves now. To stop: aassl call explorer/stop")

    def _names(self) -> str:
        return f"the arm of {', '.join(sorted(controller.name for controller in self._watch.present))}"
