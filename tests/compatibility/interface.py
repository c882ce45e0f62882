"""What users type or connect to, as it is now: commands, launch arguments, executables, parameters, topics, services.

    python interface.py GALLERY OUT.json [EXPECTED.json]    # with EXPECTED, wait for its topics and services

Goes by what is seen from outside (argparse, `aassl up --print`, the ROS graph), not by modules of aassl_ros.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.cli.main import COMMANDS, main
from aassl_ros.ros_environment import prepare_environment

ROOT = Path(__file__).parent.parent.parent
SYSTEMS = ("collect", "train", "evaluate", "online")
NODES = ("simulator", "explorer", "recorder", "trainer", "evaluator")
# An argument of launch -> a value that is not its default.
LAUNCH_VALUES = {
    "robot": "real", "arm": "iiwa", "camera": "left", "image_topic": "/left/image", "joint_states_topic": "/states",
    "command_topic": "/commands", "use_sim_time": "true", "namespace": "left", "log_level": "warn",
    "bag_dir": "elsewhere", "bag": "one", "storage": "sqlite3", "objects": "train:mug_0001,test:mug_0007",
    "episode_seconds": "4.5", "exit_when_done": "true", "seed": "7", "renderer": "egl", "extra_topics": "wrench,depth",
    "run_dir": "run", "checkpoint": "other", "replay_data": "data", "device": "cpu", "gallery": "gallery",
    "classifier": "knn",
}  # fmt: skip
# Of rclpy, not ours, and not the same in every distribution.
_RCLPY = re.compile(r"parameter|rosout|type_description|qos_overrides|use_sim_time|logger_level")
_TIMEOUT_S = 60.0


def commands() -> dict[str, Any]:
    """Every command with its arguments."""
    return {name: _arguments(_parser_of(name)) for name in COMMANDS}


class _Caught(BaseException):
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def _parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of one command, as `main` makes it."""
    original = argparse.ArgumentParser.parse_known_args

    def catch(parser: argparse.ArgumentParser, *words: Any, **more: Any) -> Any:
        raise _Caught(parser)

    argparse.ArgumentParser.parse_known_args = catch  # type: ignore[method-assign, assignment]
    try:
        main([command])
    except _Caught as caught:
        (group,) = (action for action in caught.parser._actions if isinstance(action, argparse._SubParsersAction))
        parser: argparse.ArgumentParser = group.choices[command]
        return parser
    finally:
        argparse.ArgumentParser.parse_known_args = original  # type: ignore[method-assign]
    raise AssertionError(f"aassl {command} does not parse its arguments")


def _arguments(parser: argparse.ArgumentParser) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {name: _arguments(below) for name, below in action.choices.items()}
        elif not isinstance(action, argparse._HelpAction):
            default = action.default if isinstance(action.default, str | int | float | list | None) else None
            reported = re.search(r"default:? ([^;()]+)\)", action.help or "")
            found[" ".join(action.option_strings) or action.dest] = {
                "nargs": action.nargs,
                "choices": sorted(map(str, action.choices)) if action.choices else None,
                "required": action.required,
                "default": default,
                "default_in_help": reported.group(1) if reported else "",
                "help": action.help or "",
            }
    return found


def launch(system: str) -> dict[str, Any]:
    """The nodes' command lines of a system, without arguments ("") and with each alone; the defaults shown."""
    text = _say("up", system, "--show-args")
    shown = dict(re.findall(r"^ +(\w+)\b.*default:? '?(.*?)'?\)", text, re.MULTILINE))
    lines = {name: _command_lines(system, f"{name}:={value}") for name, value in LAUNCH_VALUES.items() if name in shown}
    return {"shown": shown, "": _command_lines(system), **lines}


def _command_lines(*words: str) -> dict[str, list[str]]:
    """Node's module -> its arguments, with the parameter file by its name."""
    lines = [shlex.split(line) for line in _say("up", *words, "--print").splitlines()]
    return {
        line[2]: [Path(word).name if word.endswith(".yaml") and "/" in word else word for word in line[3:]]
        for line in lines
    }


def _say(*words: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(list(words)) == 0, words
    return said.getvalue()


def executables() -> dict[str, list[str]]:
    """Console scripts of setup.py, executables of lib/aassl_ros, launch files."""
    scripts = re.search(r'"console_scripts": (\[[^]]*\])', (ROOT / "setup.py").read_text(encoding="utf-8"))
    assert scripts
    return {
        "console": ast.literal_eval(scripts.group(1)),
        "lib": sorted(path.name for path in (ROOT / "scripts" / "executables").iterdir()),
        "launch": sorted(path.name for path in (ROOT / "launch").iterdir()),
    }


@contextlib.contextmanager
def started(
    folder: Path, given: dict[str, list[str]], namespace: str = "", more: list[str] | None = None
) -> Iterator[None]:
    """Each node in a process of its own; given: node -> further words. They lie in `folder`, where bags and runs go."""
    processes = []
    for node, words in given.items():
        command = [sys.executable, "-m", f"aassl_ros.nodes.{node}", "--ros-args", "-r", f"__node:={node}", *words]
        command += ["-r", f"__ns:=/{namespace}"] if namespace else []
        log = (folder / f"{namespace}{node}.log").open("w")
        processes.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


class Graph:
    """Looks at nodes from outside."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        rclpy.init(args=[])
        self._node = rclpy.create_node("looker")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)

    def close(self) -> None:
        import rclpy

        self._node.destroy_node()
        rclpy.try_shutdown()

    def ends(self, node: str, namespace: str = "/") -> dict[str, dict[str, list[str]]]:
        """Topics and services of a node with their types."""
        look = self._node
        found = {}
        for kind, ask in (
            ("publishes", look.get_publisher_names_and_types_by_node),
            ("hears", look.get_subscriber_names_and_types_by_node),
            ("serves", look.get_service_names_and_types_by_node),
        ):
            try:
                found[kind] = {name: types for name, types in ask(node, namespace) if not _RCLPY.search(name)}
            except Exception:  # rclpy's NodeNameNonExistentError: not there yet
                found[kind] = {}
        return found

    def parameters(self, node: str, namespace: str = "") -> dict[str, Any]:
        """Values of all parameters that the node has declared."""
        from rcl_interfaces.srv import GetParameters, ListParameters
        from rclpy.parameter import parameter_value_to_python

        where = f"{namespace}/{node}"
        names = self._ask(ListParameters, f"{where}/list_parameters", ListParameters.Request()).result.names
        names = sorted(name for name in names if not _RCLPY.search(name))
        request = GetParameters.Request(names=names)
        values = self._ask(GetParameters, f"{where}/get_parameters", request).values
        plain = [parameter_value_to_python(value) for value in values]
        return {
            name: value if isinstance(value, bool | int | float | str | None) else list(value)
            for name, value in zip(names, plain, strict=True)
        }

    def _ask(self, kind: Any, name: str, request: Any) -> Any:
        client = self._node.create_client(kind, name)
        try:
            self.wait_for(client.service_is_ready, name)
            # The node learns of this client, too; before, its answer would be lost.
            self.spin_until(lambda: False, 0.5)
            answer = client.call_async(request)
            self.wait_for(answer.done, f"an answer of {name}")
            return answer.result()
        finally:
            self._node.destroy_client(client)

    def hear_json(self, topic: str, into: list[dict[str, Any]]) -> None:
        """Append what a String topic says in JSON."""
        from std_msgs.msg import String

        self._node.create_subscription(String, topic, lambda message: into.append(json.loads(message.data)), 10)

    def publisher(self, kind: Any, topic: str, *, latched: bool) -> Any:
        """A reliable publisher."""
        from rclpy.qos import DurabilityPolicy, QoSProfile

        durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        return self._node.create_publisher(kind, topic, QoSProfile(depth=100, durability=durability))

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Spin until the condition holds. Raises TimeoutError."""
        if not self.spin_until(condition, _TIMEOUT_S):
            raise TimeoutError(f"waited {_TIMEOUT_S:g} s for {what}")

    def spin_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition came to hold within that time."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                return False
            self._executor.spin_once(timeout_sec=0.05)
        return True


def nodes(gallery: Path, expected: dict[str, Any] | None) -> dict[str, Any]:
    """Of each node started without parameters: their defaults, its topics and services."""
    given = {node: ["-p", f"gallery:={gallery}"] if node == "evaluator" else [] for node in NODES}
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), given):
        graph = Graph()
        try:
            parameters = {node: graph.parameters(node) for node in NODES}
            parameters["evaluator"]["gallery"] = ""  # given above, for without it there is nothing to name by
            # Without an expectation, a time in which every node has made all it ever makes.
            graph.spin_until(
                lambda: (
                    expected is not None and all(covers(graph.ends(node), expected[node]["ends"]) for node in NODES)
                ),
                8.0 if expected is None else 20.0,
            )
            return {node: {"parameters": parameters[node], "ends": graph.ends(node)} for node in NODES}
        finally:
            graph.close()


def covers(found: dict[str, dict[str, list[str]]], wanted: dict[str, dict[str, list[str]]]) -> bool:
    """Whether all topics and services that are wanted have been found, with their types."""
    return all(wanted[kind].items() <= found[kind].items() for kind in wanted)


def interface(gallery: Path, expected: dict[str, Any] | None = None) -> dict[str, Any]:
    """All of it, as JSON would have it."""
    return {
        "commands": commands(),
        "launch": {name: launch(name) for name in SYSTEMS},
        "executables": executables(),
        "nodes": nodes(gallery, expected["nodes"] if expected else None),
    }


if __name__ == "__main__":
    prepare_environment()
    known = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8")) if len(sys.argv) > 3 else None
    if "ROS_DOMAIN_ID" in os.environ:
        whole = interface(Path(sys.argv[1]), known)
    else:
        with own_domain():
            whole = interface(Path(sys.argv[1]), known)
    Path(sys.argv[2]).write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", encoding="utf-8")
