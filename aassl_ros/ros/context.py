"""rclpy's start, for nodes and for commands that speak ROS: what the environment has wrong is told in a line."""

from __future__ import annotations

import os
from collections.abc import Sequence

import rclpy
from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions

from aassl_ros.errors import ConfigError

_LARGEST_DOMAIN = 232  # Of higher ones DDS has no ports left.


def start_rclpy(arguments: Sequence[str] = (), context: Context | None = None) -> None:
    """rclpy.init without signal handlers of its own. Raises ConfigError where arguments or environment are wrong."""
    domain = os.environ.get("ROS_DOMAIN_ID", "")
    if domain and not (domain.isdecimal() and int(domain) <= _LARGEST_DOMAIN):
        raise ConfigError(f"ROS_DOMAIN_ID = {domain!r}, expected a number from 0 to {_LARGEST_DOMAIN}.")
    try:
        rclpy.init(args=list(arguments), context=context, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # RCLError is one: a parameter file or an argument that cannot be read.
        raise ConfigError(" ".join(str(error).split())) from error
