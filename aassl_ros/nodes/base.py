"""What every node shares: the lifecycle shell with autostart, and `run`, the main program of a node's process."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from aassl_ros.errors import AasslError
from aassl_ros.nodes.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment

# How long a signal may wait while the executor sleeps: Python runs its handlers only between waits.
_POLL_S = 0.1


class ManagedNode(LifecycleNode):
    """A lifecycle node whose hooks raise AasslError where a transition cannot be made.

    Subclasses fill in configure, activate, deactivate and cleanup; settle_s says how long to go on listening once
    asked to stop.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.declare_parameter("autostart", True)
        self.error: AasslError | None = None

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

    def autostart(self) -> bool:
        """Configure and activate if the parameter says so. False where a transition failed; `error` then says why."""
        if not self.get_parameter("autostart").value:
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
    rclpy.init(args=list(sys.argv if arguments is None else arguments), signal_handler_options=SignalHandlerOptions.NO)
    node: Node | None = None
    try:
        node = make_node()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        if isinstance(node, ManagedNode) and not node.autostart():
            return 1
        while not stop.asked and not getattr(node, "finished", False):
            executor.spin_once(timeout_sec=_POLL_S)
        if isinstance(node, ManagedNode):
            _spin_for(executor, node.settle_s() if node.is_active() else 0.0)
            node.close()
            return 0 if node.error is None else 1
        return int(getattr(node, "exit_status", 0))
    except ExternalShutdownException:
        return 0
    except AasslError as error:
        if os.environ.get("AASSL_DEBUG"):
            raise
        name = node.get_name() if node is not None else os.path.basename(sys.argv[0])
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def _spin_for(executor: SingleThreadedExecutor, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=min(left, _POLL_S))
