"""`aassl call SERVICE`: call a service of our nodes, also on machines without `ros2 service call`."""

from __future__ import annotations

import argparse

from aassl_ros.errors import ConfigError

SERVICES = {
    "explorer/arm": "arm the explorer, so that a real arm moves (false: stop the arm and disarm the explorer)",
    "explorer/next": "confirm that the object is in the gripper and continue",
    "explorer/stop": "stop the arm",
    "recorder/split": "start a new file of the bag",
    "trainer/save": "save a checkpoint now",
    "trainer/pause": "pause training (false: continue)",
}
# Services that take true or false, each with the value used if none is given. None: a value is required.
_SWITCHES: dict[str, bool | None] = {"explorer/arm": True, "trainer/pause": None}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    known = "; ".join(f"{name}: {what}" for name, what in SERVICES.items())
    parser.add_argument("service", choices=SERVICES, metavar="SERVICE", help=known)
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
