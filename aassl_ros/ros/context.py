"""Start rclpy for nodes and commands, and spin until something is done. An error in the environment is one line."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from aassl_ros.errors import ConfigError

_LARGEST_DOMAIN = 232  # DDS has no ports for higher domains.
_POLL_S = 0.05


def start_rclpy(arguments: Sequence[str] = (), context: Context | None = None) -> None:
    """Call rclpy.init without its signal handlers. Raises ConfigError if an argument or the environment is wrong."""
    domain = os.environ.get("ROS_DOMAIN_ID", "")
    if domain and not (domain.isdecimal() and int(domain) <= _LARGEST_DOMAIN):
        raise ConfigError(f"ROS_DOMAIN_ID = {domain!r}, expected a number from 0 to {_LARGEST_DOMAIN}.")
    try:
        rclpy.init(args=list(arguments), context=context, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # such as RCLError: a parameter file or an argument cannot be read
        raise ConfigError(" ".join(str(error).split())) from error


@contextmanager
def own_node(name: str, *, namespace: str = "", parameters: Sequence[Parameter] = ()) -> Iterator[Node]:
    """Run a node in a context of its own, beside those of the program. It ends with the `with` block.

    Raises ConfigError if the environment is wrong.
    """
    context = Context()
    start_rclpy(context=context)
    node = Node(name, context=context, namespace=namespace, parameter_overrides=list(parameters))
    try:
        yield node
    finally:
        node.destroy_node()
        context.try_shutdown()


def spin_until(executor: SingleThreadedExecutor, done: Callable[[], bool], timeout_s: float) -> bool:
    """Spin until `done()`. Returns False if that takes longer than timeout_s."""
    until = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > until:
            return False
        executor.spin_once(timeout_sec=_POLL_S)
    return True
