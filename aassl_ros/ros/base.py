"""Base of every node: a lifecycle node with autostart, and `run`, the main program of a node's process."""

from __future__ import annotations

import faulthandler
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
from rclpy.exceptions import NameValidationException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from aassl_ros.errors import AasslError, RosError
from aassl_ros.ros.context import start_rclpy
from aassl_ros.ros.names import check_topic_name, name_error
from aassl_ros.ros.parameters import declare_settings, guard_settings, refuse_unknown
from aassl_ros.ros.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment
from aassl_ros.settings import setting

S = TypeVar("S")

# Longest delay of a signal while the executor sleeps: Python runs signal handlers only between waits.
_POLL_S = 0.1
# Time for the middleware to let a process go that has saved its results.
_LEAVE_S = 15.0


@dataclass(frozen=True)
class LifecycleSettings:
    """Parameters of every lifecycle node."""

    autostart: bool = setting(True, "configure and activate at start; false: a lifecycle manager does it")


class ManagedNode(LifecycleNode):
    """A lifecycle node whose hooks raise AasslError if a transition fails.

    Subclasses override configure, activate, deactivate, unsubscribe and cleanup. settle_s is the time for which the
    node still receives messages after it was asked to stop.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._lifecycle_settings = declare_settings(self, LifecycleSettings, read_only=True)
        self.error: AasslError | None = None
        self.leaving = False  # whether the process ends after the next deactivate

    def declare(self, cls: type[S], *, at_once: Collection[str] = (), apply: Callable[[S], None] | None = None) -> S:
        """Declare the parameters of `cls`, which `configure` reads. Returns the values that the node was started with.

        Between configure and cleanup, a change of a parameter is refused, unless it is named in at_once. Then `apply`
        is called with the new settings and must apply them. Raises ConfigError as `declare_settings` does.
        """
        settings = declare_settings(self, cls)
        guard_settings(self, cls, state_in_use=self._state_in_use, at_once=at_once, apply=apply)
        return settings

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Return the absolute name of a topic, remapped. Raises ConfigError if ROS refuses the name."""
        check_topic_name(topic)
        return str(super().resolve_topic_name(topic, only_expand=only_expand))

    def configure(self) -> None:
        """Read the parameters and open the needed resources."""

    def activate(self) -> None:
        """Start working."""

    def deactivate(self) -> None:
        """Stop working and save the results."""

    def failure(self) -> str:
        """Return what could not be saved by deactivate; empty if nothing."""
        return ""

    def unsubscribe(self) -> None:
        """Give back subscriptions. It comes after deactivate, because in rare cases the middleware waits for ever."""

    def let_go(self) -> None:
        """Give back what only one process can have. It is called if configure fails, and should be by cleanup."""

    def cleanup(self) -> None:
        """Release what configure opened."""

    def settle_s(self) -> float:
        """Return for how many seconds to receive late messages after a stop request, before deactivate."""
        return 0.0

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(self._configure_or_let_go, lambda: super(ManagedNode, self).on_configure(state))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(self.activate, lambda: super(ManagedNode, self).on_activate(state))

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(self._stop_working, lambda: super(ManagedNode, self).on_deactivate(state))

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(self.cleanup, lambda: super(ManagedNode, self).on_cleanup(state))

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt(lambda: self._leave(state.label), lambda: super(ManagedNode, self).on_shutdown(state))

    def autostart(self) -> bool:
        """Configure and activate the node if the parameter autostart is true.

        Returns False if a transition failed; `error` then holds the reason.
        """
        if not self._lifecycle_settings.autostart:
            return True
        configured = self.trigger_configure() == TransitionCallbackReturn.SUCCESS
        return configured and self.trigger_activate() == TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """Deactivate and clean up, from any state."""
        if self._state_label() == "active":
            self.trigger_deactivate()
        if self._state_label() == "inactive":
            self.trigger_cleanup()

    def is_active(self) -> bool:
        """Return whether the node is in the active state."""
        return self._state_label() == "active"

    def _state_label(self) -> str:
        return str(self._state_machine.current_state[1])

    def _state_in_use(self) -> str:
        label = self._state_label()
        return "" if label == "unconfigured" else label

    def _leave(self, state: str) -> None:
        """Leave a state in order: a lifecycle manager may shut down an active node directly."""
        if state == "active":
            self._stop_working()
        if state in ("active", "inactive"):
            self.cleanup()

    def _configure_or_let_go(self) -> None:
        try:
            self.configure()
        except BaseException:
            self.let_go()
            raise

    def _stop_working(self) -> None:
        try:
            self.deactivate()
            if self.leaving and not self.failure():
                _limit_leaving(_LEAVE_S)
        finally:
            self.unsubscribe()

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
        except NameValidationException as error:
            self.error = name_error(error)
            self.get_logger().error(str(self.error))
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            # A bug in our code, not an error of the user. rclpy would hide it.
            self.error = RosError(f"{type(error).__name__}: {error}")
            self.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.ERROR
        return managed()


class _StopRequest:
    """A flag that SIGINT or SIGTERM sets. Further signals are ignored while the node shuts down."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True


def run(make_node: Callable[[], Node], arguments: Sequence[str] | None = None) -> int:
    """Run a node until SIGINT, SIGTERM or until it is finished, then shut it down. Returns the exit status.

    A node with an attribute `finished` (bool) ends the process by setting it. An error is one line on stderr, with
    status 1; the environment variable AASSL_DEBUG=1 shows the traceback. On SIGUSR1 it prints where its threads are.
    """
    if sys.__stderr__ is not None:
        faulthandler.register(signal.SIGUSR1, file=sys.__stderr__)
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
            # In every case, an open bag is closed.
            if isinstance(node, ManagedNode) and rclpy.ok():
                node.leaving = True
                node.close()
        status = int(node.error is not None) if isinstance(node, ManagedNode) else int(getattr(node, "exit_status", 0))
        _limit_leaving(_LEAVE_S if status == 0 else 0.0)
        return status
    except ExternalShutdownException:
        return 0
    except (AasslError, NameValidationException) as raised:
        if os.environ.get("AASSL_DEBUG"):
            raise
        # Only its text: the error refers to a node that is half made, and rclpy would destroy that at shutdown.
        line = str(name_error(raised) if isinstance(raised, NameValidationException) else raised)
        name = node.get_name() if node is not None else Path(sys.argv[0]).stem
        # The message about a wrong parameter already begins with the node's name.
        print(f"{name}: {line.removeprefix(f'{name}: ')}", file=sys.stderr, flush=True)
        return 1
    finally:
        if sys.exc_info()[0] is not None:
            _limit_leaving(0.0)  # it failed: SIGALRM would be a clean exit
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
        _limit_leaving(0.0)


def _limit_leaving(seconds: float) -> None:
    """End the process by SIGALRM after this time; 0: no longer.

    Threads of the middleware that wait for each other for ever hold Python's lock, so only the system can do this.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _spin_for(executor: SingleThreadedExecutor, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=min(left, _POLL_S))
