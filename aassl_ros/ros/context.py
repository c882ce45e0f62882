"""Start rclpy for nodes and commands. An error in the environment gives a one-line message."""

from __future__ import annotations

import os
from collections.abc import Sequence

import rclpy
from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions

from aassl_ros.errors import ConfigError

_LARGEST_DOMAIN = 232  # DDS has no ports for higher domains.


def start_rclpy(arguments: Sequence[str] = (), context: Context | None = None) -> None:
    """Call rclpy.init without its signal handlers. Raises ConfigError if an argument or the environment is wrong."""
    domain = os.environ.get("ROS_DOMAIN_ID", "")
    if domain and not (domain.isdecimal() and int(domain) <= _LARGEST_DOMAIN):
        raise ConfigError(f"ROS_DOMAIN_ID = {domain!r}, expected a number from 0 to {_LARGEST_DOMAIN}.")
    try:
        rclpy.init(args=list(arguments), context=context, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # such as RCLError: a parameter file or an argument cannot be read
        raise ConfigError(" ".join(str(error).split())) from error
