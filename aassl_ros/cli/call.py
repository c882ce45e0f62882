"""`aassl call SERVICE`: call a service of our nodes, also on machines without `ros2 service call`."""

from __future__ import annotations

import argparse

from aassl_ros.data.interfaces.service_table import SERVICES, SET_BOOL
from aassl_ros.errors import ConfigError

# Services that take true or false, each with the value used if none is given. None: a value is required.
_SWITCHES = {row.name: row.default for row in SERVICES if row.type == SET_BOOL}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    known = "; ".join(f"{row.name}: {row.what}" for row in SERVICES)
    parser.add_argument("service", choices=[row.name for row in SERVICES], metavar="SERVICE", help=known)
    parser.add_argument("value", nargs="?", choices=("true", "false"), help=f"only for {', '.join(_SWITCHES)}")
    parser.add_argument("--namespace", default="", help="namespace of the robot's nodes")


def run(arguments: argparse.Namespace) -> int:
    service = arguments.service
    value = _SWITCHES.get(service) if arguments.value is None else arguments.value == "true"
    if (value is not None) != (service in _SWITCHES):
        raise ConfigError(f"call {service} takes {'true or false' if service in _SWITCHES else 'no value'}.")
    from aassl_ros.ros.service_caller import call_service

    print(call_service(service, value, namespace=arguments.namespace))
    return 0
