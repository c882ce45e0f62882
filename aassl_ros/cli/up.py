"""`aassl up NAME [arg:=value]`: start the same nodes as `ros2 launch aassl_ros NAME.launch.py`, without launch."""

from __future__ import annotations

import argparse
import shlex
import signal
import threading
from types import FrameType

from aassl_ros.bringup.preflight import check
from aassl_ros.bringup.processes import NodeProcesses, command_line
from aassl_ros.bringup.systems import SYSTEMS, complete, node_specs, system
from aassl_ros.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names = "; ".join(f"{name}: {entry.description}" for name, entry in SYSTEMS.items())
    parser.add_argument("name", metavar="NAME", help=names)
    parser.add_argument("arguments", nargs="*", metavar="arg:=value", help="launch arguments")
    parser.add_argument("-s", "--show-args", action="store_true", help="show the arguments of NAME and exit")
    parser.add_argument("-p", "--print", action="store_true", help="print the nodes' command lines and exit")


def run(arguments: argparse.Namespace) -> int:
    if arguments.show_args:
        return _show_arguments(arguments.name)
    given = parse_assignments(arguments.arguments)
    specs = node_specs(arguments.name, complete(arguments.name, given))
    if arguments.print:
        for spec in specs:
            print(shlex.join(command_line(spec)))
        return 0
    check(specs)
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with NodeProcesses(specs, echo=lambda name, line: print(f"[{name}] {line}", flush=True)) as processes:
        while not stopping.is_set() and not processes.ended():
            stopping.wait(0.1)
        processes.stop()
        processes.check()
    return 0


def parse_assignments(words: list[str]) -> dict[str, str]:
    """Parse ["arm:=panda"] to {"arm": "panda"}. Raises ConfigError on any other form."""
    result = {}
    for word in words:
        key, separator, value = word.partition(":=")
        if not separator or not key:
            raise ConfigError(f"{word!r} is not a launch argument, expected name:=value.")
        result[key] = value
    return result


def _show_arguments(name: str) -> int:
    described = system(name).arguments
    print(f"Arguments of {name} (name:=value). If the default is '', the nodes use their own default.")
    for argument in described:
        choices = f" One of {', '.join(argument.choices)}." if argument.choices else ""
        print(f"  {argument.name}  (default: {argument.default!r})\n      {argument.description}.{choices}")
    return 0
