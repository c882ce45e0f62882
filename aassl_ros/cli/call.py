"""`aassl call SERVICE`: what `ros2 service call` does, for our nodes' services and machines without `ros2`."""

from __future__ import annotations

import argparse

from aassl_ros.errors import ConfigError

SERVICES = {
    "explorer/arm": "let a real arm move (false: disarm it, and bring it to rest)",
    "explorer/next": "the object is in the hand: go on with it",
    "explorer/stop": "bring the arm to rest",
    "recorder/split": "begin another file of the bag",
    "trainer/save": "save a checkpoint now",
    "trainer/pause": "true: no updates until false",
}
# Those that take true or false, and what they take when neither is given; None: one has to be.
_SWITCHES: dict[str, bool | None] = {"explorer/arm": True, "trainer/pause": None}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    known = "; ".join(f"{name}: {what}" for name, what in SERVICES.items())
    parser.add_argument("service", choices=SERVICES, metavar="SERVICE", help=known)
    parser.add_argument("value", nargs="?", choices=("true", "false"), help=f"for {', '.join(_SWITCHES)} only")
    parser.add_argument("--namespace", default="", help="namespace of the robot's nodes")


def run(arguments: argparse.Namespace) -> int:
    service = arguments.service
    value = _SWITCHES.get(service) if arguments.value is None else arguments.value == "true"
    if (value is not None) != (service in _SWITCHES):
        raise ConfigError(f"call {service} takes {'true or false' if service in _SWITCHES else 'no value'}.")
    from aassl_ros.ros.service_caller import call_service

    print(call_service(service, value, namespace=arguments.namespace))
    return 0
