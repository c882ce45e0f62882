"""What every node shares: the lifecycle shell with autostart, and `run`, the main program of a node's process."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from aassl_ros.errors import AasslError, RosError
from aassl_ros.ros.context import start_rclpy
from aassl_ros.ros.parameters import declare_settings, guard_settings, refuse_unknown
from aassl_ros.ros.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment
from aassl_ros.settings import setting

S = TypeVar("S")

# How long a signal may wait while the executor sleeps: Python runs its handlers only between waits.
_POLL_S = 0.1


@dataclass(frozen=True)
class LifecycleSettings:
    """What every lifecycle node may be told."""

    autostart: bool = setting(True, "configure and activate at once; false leaves that to a lifecycle manager")


class ManagedNode(LifecycleNode):
    """A lifecycle node whose hooks raise AasslError where a transition cannot be made.

    Subclasses fill in configure, activate, deactivate and cleanup; settle_s says how long to go on listening once
    asked to stop.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._lifecycle_settings = declare_settings(self, LifecycleSettings, read_only=True)
        self.error: AasslError | None = None

    def declare(self, cls: type[S], *, at_once: Collection[str] = (), apply: Callable[[S], None] | None = None) -> S:
        """Declare the parameters of `cls`, which `configure` reads; the values the node was started with.

        From then until cleanup a change is refused, but for the parameters named in at_once: `apply` is given the
        settings with the new value, and puts them to use. Raises ConfigError as `declare_settings` does.
        """
        settings = declare_settings(self, cls)
        guard_settings(self, cls, state_in_use=self._state_in_use, at_once=at_once, apply=apply)
        return settings

    def configure(self) -> None:
        """Read parameters, open what is needed."""

    def activate(self) -> None:
        """Begin to work."""

    def deactivate(self) -> None:
        """Stop working and put away what was made."""

    def cleanup(self) -> None:
        """Forget what configure made."""

    def settle_s(self) -> float:
        """Seconds to go on receiving after a stop was asked for, before deactivate (trailing messages)."""
        return 0.0

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(self.configure, lambda: super(ManagedNode, self).on_configure(state))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(self.activate, lambda: super(ManagedNode, self).on_activate(state))

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(self.deactivate, lambda: super(ManagedNode, self).on_deactivate(state))

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(self.cleanup, lambda: super(ManagedNode, self).on_cleanup(state))

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(lambda: self._leave(state.label), lambda: super(ManagedNode, self).on_shutdown(state))

    def autostart(self) -> bool:
        """Configure and activate if the parameter says so. False where a transition failed; `error` then says why."""
        if not self._lifecycle_settings.autostart:
            return True
        configured = self.trigger_configure() == TransitionCallbackReturn.SUCCESS
        return configured and self.trigger_activate() == TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """Deactivate and clean up whatever state the node is in."""
        if self._state_label() == "active":
            self.trigger_deactivate()
        if self._state_label() == "inactive":
            self.trigger_cleanup()

    def is_active(self) -> bool:
        """Whether the node is in the active state."""
        return self._state_label() == "active"

    def _state_label(self) -> str:
        return str(self._state_machine.current_state[1])

    def _state_in_use(self) -> str:
        label = self._state_label()
        return "" if label == "unconfigured" else label

    def _leave(self, state: str) -> None:
        """Put away what was made in a state: a lifecycle manager may shut an active node down at once."""
        if state == "active":
            self.deactivate()
        if state in ("active", "inactive"):
            self.cleanup()

    def _attempt(
        self, hook: Callable[[], None], managed: Callable[[], TransitionCallbackReturn]
    ) -> TransitionCallbackReturn:
        self.error = None
        try:
            hook()
        except AasslError as error:
            self.error = error
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            # A mistake of ours, not the user's; rclpy would swallow it without a word.
            self.error = RosError(f"{type(error).__name__}: {error}")
            self.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.ERROR
        return managed()


class _StopRequest:
    """Set by SIGINT or SIGTERM; further signals are ignored while the node puts its work away."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True


def run(make_node: Callable[[], Node], arguments: Sequence[str] | None = None) -> int:
    """Main program of a node's process: start, spin until SIGINT, SIGTERM or the node is done, put away, exit status.

    A node with an attribute `finished` (bool) ends the process by setting it. Errors are one line on stderr, status
    1; the environment variable AASSL_DEBUG=1 shows the trace.
    """
    prepare_environment()
    set_image_transport()
    stop = _StopRequest()
    node: Node | None = None
    try:
        start_rclpy(sys.argv if arguments is None else arguments)
        node = make_node()
        refuse_unknown(node)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        try:
            if isinstance(node, ManagedNode) and not node.autostart():
                return 1
            while not stop.asked and not getattr(node, "finished", False):
                executor.spin_once(timeout_sec=_POLL_S)
            if isinstance(node, ManagedNode):
                _spin_for(executor, node.settle_s() if node.is_active() else 0.0)
        finally:
            # Whatever ended it: an open bag is closed.
            if isinstance(node, ManagedNode) and rclpy.ok():
                node.close()
        if isinstance(node, ManagedNode):
            return 0 if node.error is None else 1
        return int(getattr(node, "exit_status", 0))
    except ExternalShutdownException:
        return 0
    except AasslError as error:
        if os.environ.get("AASSL_DEBUG"):
            raise
        name = node.get_name() if node is not None else Path(sys.argv[0]).stem
        # A wrong parameter's message begins with the node's name already.
        print(f"{name}: {str(error).removeprefix(f'{name}: ')}", file=sys.stderr, flush=True)
        return 1
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def _spin_for(executor: SingleThreadedExecutor, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=min(left, _POLL_S))
