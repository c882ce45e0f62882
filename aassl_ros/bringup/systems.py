"""Define the nodes and parameters of each system. The launch files and `aassl up` both read this definition.

A system has the name of its launch file, such as collect or live. Its arguments are strings (`arg:=value`).
`node_specs` makes node specifications of them. If ROS is installed, launch starts these; else bringup/processes.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aassl_ros.bringup.arguments import (
    CHECKPOINT_ONLY,
    COLLECT,
    COMMON,
    EVALUATE,
    LIVE,
    PAGE,
    PAGE_OR_NOT,
    ROUTES,
    TRAIN,
    Argument,
)
from aassl_ros.bringup.arm_topics import with_arm_topics
from aassl_ros.data.interfaces import topics
from aassl_ros.errors import ConfigError
from aassl_ros.paths import share

PACKAGE = "aassl_ros"


@dataclass(frozen=True)
class NodeSpec:
    """One node process. name: also that of its executable. parameters: take precedence over the parameter file."""

    name: str
    parameters_file: str
    parameters: Mapping[str, Any]
    remappings: tuple[tuple[str, str], ...] = ()
    namespace: str = ""
    log_level: str = "info"

    def ros_arguments(self) -> list[str]:
        """Return the arguments after the executable, as launch writes them."""
        words = ["--ros-args", "--log-level", self.log_level, "-r", f"__node:={self.name}"]
        if self.namespace:
            words += ["-r", f"__ns:=/{self.namespace.strip('/')}"]
        words += ["--params-file", self.parameters_file]
        for key, value in self.parameters.items():
            # JSON is YAML: strings keep their quotes, so that "1" stays a string and 1.0 a number.
            words += ["-p", f"{key}:={json.dumps(value)}"]
        for source, target in self.remappings:
            words += ["-r", f"{source}:={target}"]
        return words


@dataclass(frozen=True)
class System:
    """A set of nodes that are launched together."""

    description: str
    nodes: tuple[str, ...]
    arguments: tuple[Argument, ...]


SYSTEMS: dict[str, System] = {
    "collect": System(
        "handle objects and record them: simulator (robot:=sim), explorer, recorder",
        ("simulator", "recorder", "explorer"),
        (*COMMON, *COLLECT),
    ),
    "train": System("train online from a running camera and arm: trainer", ("trainer",), (*COMMON, *TRAIN)),
    "evaluate": System(
        "recognize the category of the object in front of the camera: evaluator",
        ("evaluator", "page"),
        (*COMMON, *CHECKPOINT_ONLY, *EVALUATE, *PAGE_OR_NOT),
    ),
    "live": System(
        "teach and recognize objects without an arm: camera (a webcam or a video file; robot:=sim: simulator and "
        "explorer in its place), evaluator",
        ("camera", "simulator", "evaluator", "explorer", "page"),
        (*LIVE, *CHECKPOINT_ONLY, *EVALUATE, *PAGE_OR_NOT),
    ),
    "online": System(
        "all nodes: handle, record, train and recognize",
        ("simulator", "recorder", "trainer", "evaluator", "explorer", "page"),
        (*COMMON, *COLLECT, *TRAIN, *EVALUATE, *PAGE_OR_NOT),
    ),
    "page": System("a web page of the running nodes: see, teach, record, stop: page", ("page",), (*COMMON, *PAGE)),
}


_ROBOTS = {"simulator": ("sim",), "camera": ("none",), "explorer": ("sim", "real")}
"""For which values of `robot` these nodes are started; the others always are."""


def system(name: str) -> System:
    """Return the system of that name. Raises ConfigError with the known names."""
    if name not in SYSTEMS:
        raise ConfigError(f"there is no system {name!r}, expected one of {', '.join(SYSTEMS)}.")
    return SYSTEMS[name]


def complete(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """Fill in the defaults of a system's arguments. Raises ConfigError on an unknown argument or value."""
    known = {argument.name: argument for argument in system(name).arguments}
    for key, value in given.items():
        if key not in known:
            raise ConfigError(f"{name}: unknown argument {key!r}, expected one of {', '.join(known)}.")
        if known[key].choices and value not in known[key].choices:
            raise ConfigError(f"{name}: {key} = {value!r}, expected one of {', '.join(known[key].choices)}.")
    return {key: given.get(key, argument.default) for key, argument in known.items()}


def node_specs(name: str, given: Mapping[str, str]) -> tuple[NodeSpec, ...]:
    """Return the node processes of a system for these arguments, in the order to start them. Raises ConfigError."""
    values = with_arm_topics(complete(name, given))
    simulated = values.get("robot") == "sim"
    asked = values.get("use_sim_time", "auto")
    use_sim_time = simulated if asked == "auto" else asked == "true"
    robot = values.get("robot", "real")
    started = [node for node in system(name).nodes if robot in _ROBOTS.get(node, (robot,))]
    if values.get("page") == "false":
        started.remove("page")
    return tuple(_node(node, values, simulated=simulated, use_sim_time=use_sim_time) for node in started)


def _node(node: str, values: Mapping[str, str], *, simulated: bool, use_sim_time: bool) -> NodeSpec:
    # The simulator publishes /clock and must not wait for it.
    parameters: dict[str, Any] = {"use_sim_time": use_sim_time and node != "simulator"}
    if node == "explorer":
        parameters["simulator"] = simulated
    elif node == "recorder":
        parameters["cameras"] = values["cameras"].split(",") if "cameras" in values else [values["camera"]]
    else:
        parameters["camera"] = values["camera"]
    for argument, value in values.items():
        for route in ROUTES.get(argument, ()):
            if route.node == node and value != "":
                parameters[route.name] = _convert(argument, value, route.kind)
    if node in ("recorder", "trainer") and values.get("command_sources"):
        parameters["command_topics"] = values["command_sources"].split(",")
    return NodeSpec(
        name=node,
        parameters_file=str(_parameters_file(values["config"], node)),
        parameters=parameters,
        remappings=_remappings(values),
        namespace=values["namespace"],
        log_level=values["log_level"],
    )


def _remappings(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    camera, images = values["camera"], values.get("image_topic", "")
    beside = images.rpartition("/")[0]
    pairs = (
        (topics.image_topic(camera), images),
        (topics.image_topic(camera, compressed=True), f"{images}/compressed" if images else ""),
        (topics.camera_info_topic(camera), f"{beside}/camera_info" if beside else ""),
        (topics.JOINT_STATES, values.get("joint_states_topic", "")),
        (topics.COMMAND, values.get("command_topic", "")),
    )
    others = (tuple(pair.partition(":")[::2]) for pair in values.get("other_cameras", "").split(",") if pair)
    further = [(topics.image_topic(name), topic) for name, topic in others]
    return tuple((source, target) for source, target in (*pairs, *further) if target)


def _convert(argument: str, text: str, kind: type) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is list:
            items = [item.strip() for item in text.split(",")]
            if not all(items):  # launch and rcl have no empty list
                raise ValueError
            return items
        return kind(text)
    except (KeyError, ValueError) as error:
        words = {bool: "true or false", int: "an integer", float: "a number", list: "a list as a,b,c"}
        raise ConfigError(f"{argument} = {text!r}, expected {words[kind]}.") from error


def _parameters_file(config: str, node: str) -> Path:
    if not config:
        return share(f"config/{node}.yaml")
    path = Path(config).expanduser().resolve()
    if path.is_dir() and (path / f"{node}.yaml").is_file():
        return path / f"{node}.yaml"
    if path.is_dir():
        known = sorted({name for system in SYSTEMS.values() for name in system.nodes})
        if not any((path / f"{name}.yaml").is_file() for name in known):
            raise ConfigError(
                f"config = {config!r} is a folder without parameter files, expected some of "
                f"{', '.join(f'{name}.yaml' for name in known)}."
            )
        return share(f"config/{node}.yaml")
    if not path.is_file():
        raise ConfigError(
            f"config = {config!r} does not exist, expected a folder with NODE.yaml files or one parameter file."
        )
    return path
