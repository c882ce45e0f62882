"""Arm and disarm the explorer, and log it. The decisions are made in motion/arming.py."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from aassl_ros.motion.arming import Arming, Controllers
from aassl_ros.nodes.controllers import ControllerWatch, Ways, names
from aassl_ros.nodes.explorer_settings import ExplorerSettings


class ArmingGate:
    """Gate for commands: open if the controllers belong to the simulator, or if they have been armed.

    ready: whether the server of the action answers.
    """

    def __init__(self, node: Node, ways: Ways, settings: ExplorerSettings, ready: Callable[[], bool]) -> None:
        self._log, self._ready = node.get_logger(), ready
        self._watch = ControllerWatch(node, ways, only=settings.controller)
        self._arming = Arming(trust_simulator=settings.simulator, at_start=settings.armed)
        self._newly_armed = False
        namespace = node.get_namespace().strip("/")
        self.how = "aassl call explorer/arm" + (f" --namespace {namespace}" if namespace else "")

    @property
    def armed(self) -> bool:
        """Whether the arm is armed."""
        return self._arming.armed

    @property
    def by_action(self) -> bool:
        """Whether the controllers get goals of their action, and no messages."""
        return self._watch.by_action

    @property
    def where(self) -> str:
        """Name of the action or the topic on which the controllers get commands."""
        return self._watch.where

    @property
    def needed(self) -> bool:
        """Whether the arm has to be armed before it moves."""
        return self._arming.needed(self._watch.present)

    def lacking(self) -> str:
        """Return what is missing before the arm can be armed; empty if nothing is missing."""
        self._look()
        if lacking := self._watch.lacking():
            return lacking
        return f"an answer of {self._watch.where}" if self._watch.by_action and not self._ready() else ""

    def is_open(self) -> bool:
        """Return whether a command may be sent to the present controllers."""
        return self._arming.allows(self._look())

    def arm(self, why: str) -> None:
        """Arm for the present controllers, and log the reason."""
        self._arming.arm(self._watch.present)
        self._say_armed(why)

    def arm_at_start(self) -> None:
        """Arm once if the parameter `armed` is true."""
        if self.needed and self._arming.arm_at_start(self._watch.present):
            self._say_armed("the parameter armed is true")

    def disarm(self, why: str, *, always_say: bool = False) -> None:
        """Disarm and log the reason. If it is not armed, the parameter `armed` no longer arms it.

        always_say: log the reason even then.
        """
        if self._arming.disarm():
            self._log.warning(f"disarmed: {why}. The arm stays still until it is armed again: {self.how}")
        elif always_say:
            self._log.warning(why)

    def say_closed(self) -> None:
        """Log that the arm waits to be armed, and how to arm it."""
        self._log.warning(f"ready, but not armed: {self._names()} stays still until you call: {self.how}")

    def withdraw(self) -> None:
        """Disarm because the controllers have changed, and log which."""
        change = f"{self._arming.change(self._watch.present)} on {self._watch.where}"
        if self.armed:
            self.disarm(change)
        else:
            self._arming.disarm()
            self._log.warning(f"{change}, and is not a simulator: no command is sent")

    def take_newly_armed(self) -> bool:
        """Return whether it was armed since the last call."""
        newly, self._newly_armed = self._newly_armed, False
        return newly

    def _look(self) -> Controllers:
        return self._watch.look(same_way=self.armed)

    def _say_armed(self, why: str) -> None:
        self._newly_armed = True
        self._log.warning(
            f"armed ({why}): {self._names()} moves now. Commands go to {self._watch.where}. "
            "To stop: aassl call explorer/stop"
        )

    def _names(self) -> str:
        return f"the arm of {names(self._watch.present)}"
