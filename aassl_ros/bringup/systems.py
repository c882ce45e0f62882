"""Define the nodes and parameters of each system. The launch files and `aassl up` both read this definition.

A system has the name of its launch file: collect, train, evaluate, online. Its arguments are strings (`arg:=value`).
`node_specs` makes node specifications of them. If ROS is installed, launch starts these; else bringup/processes.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aassl_ros.data.interfaces import topics
from aassl_ros.errors import ConfigError
from aassl_ros.paths import share

PACKAGE = "aassl_ros"


@dataclass(frozen=True)
class Argument:
    """One launch argument. With an empty default, the node's parameter file decides."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


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
class _Parameter:
    """A node's parameter that a launch argument sets, unless the argument is empty."""

    node: str
    name: str
    kind: type = str


@dataclass(frozen=True)
class System:
    """A set of nodes that are launched together."""

    description: str
    nodes: tuple[str, ...]
    arguments: tuple[Argument, ...]


_COMMON = (
    Argument(
        "robot",
        "sim",
        "sim: use simulated time, and start the simulator if the system moves objects; real: use a camera and an arm "
        "driver (ros2_control) that already run",
        ("sim", "real"),
    ),
    Argument("arm", "panda", "arm configuration: a name in sim/arms (panda, iiwa, xarm6) or the path of a YAML file"),
    Argument("camera", "camera", "name of the camera; its image topic is CAMERA/image_raw"),
    Argument(
        "image_topic",
        "",
        "image topic of the camera, if it is not CAMERA/image_raw; camera_info is expected in the same namespace",
    ),
    Argument("joint_states_topic", "", "topic of the joint states, if it is not joint_states"),
    Argument(
        "command_topic", "", "topic of the arm's commands, if it is not joint_trajectory_controller/joint_trajectory"
    ),
    Argument("use_sim_time", "auto", "take the time from /clock; auto: only in simulation", ("auto", "true", "false")),
    Argument(
        "config", "", "folder with NODE.yaml parameter files, or one file for all nodes; default: the installed config/"
    ),
    Argument("namespace", "", "namespace of all nodes and relative topics"),
    Argument("log_level", "info", "lowest level that is logged", ("debug", "info", "warn", "error")),
)
_COLLECT = (
    Argument("bag_dir", "bags", "folder for the bags; each recording makes a bag named after its start time"),
    Argument("bag", "", "path of the bag to write, instead of a new one in bag_dir"),
    Argument("storage", "", "storage format of the bag: mcap or sqlite3"),
    Argument("image_transport", "", "images to record: raw or compressed"),
    Argument("jpeg_quality", "", "record raw images as JPEG of this quality, 1 to 100; 0: as they come"),
    Argument(
        "objects",
        "",
        'objects to handle, in order: a comma-separated list of SET:INSTANCE, such as "train:mug_0001,test:mug_0007"',
    ),
    Argument("episode_seconds", "", "handling time of each object, in seconds"),
    Argument("exit_when_done", "", "true: the explorer exits after the last object; false: it keeps running"),
    Argument(
        "armed",
        "",
        "true: a real arm moves as soon as everything is ready; false: only after a call of explorer/arm "
        "(docs/safety.md)",
    ),
    Argument("seed", "", "seed of the simulated world and of the exploration"),
    Argument(
        "controller",
        "",
        "full name of the node that controls the arm; empty: any node that subscribes to the trajectory commands, "
        "except our own",
    ),
    Argument(
        "frame_prefix", "", "prefix of the simulator's frame names; empty: the namespace and a slash, if there is one"
    ),
    Argument("renderer", "", "renderer of the simulator: cpu or egl"),
    Argument("extra_topics", "", "further topics to record, separated by commas"),
)
_TRAIN = (
    Argument("run_dir", "", "folder for the trainer's checkpoints and log"),
    Argument(
        "checkpoint",
        "",
        "checkpoint from which the trainer continues and the evaluator starts; pretrained: ImageNet weights (the "
        "nodes' default); none: new weights, and no answer before the trainer's first checkpoint",
    ),
    Argument("replay_data", "", "prepared data that the trainer mixes into its batches"),
    Argument("device", "", "device to compute on: auto, cpu, cuda"),
)
_EVALUATE = (
    Argument("gallery", "", "labelled frames that define the categories: prepared data or a gallery folder"),
    Argument("taught", "", "folder of the objects that are taught while the system runs (aassl teach NAME)"),
    Argument(
        "refuse_known", "", "share of views of known objects that may be called unknown; 0: every object gets a name"
    ),
    Argument("classifier", "", "classifier on the gallery: auto, linear, knn or prototypes"),
)
_CHECKPOINT_ONLY = (_TRAIN[1], _TRAIN[3])

_ROUTES: dict[str, tuple[_Parameter, ...]] = {
    "arm": tuple(_Parameter(node, "arm") for node in ("simulator", "explorer", "recorder", "trainer")),
    "bag_dir": (_Parameter("recorder", "bag_dir"),),
    "bag": (_Parameter("recorder", "bag"),),
    "storage": (_Parameter("recorder", "storage"),),
    "image_transport": (_Parameter("recorder", "image_transport"),),
    "jpeg_quality": (_Parameter("recorder", "jpeg_quality", int),),
    "objects": (_Parameter("explorer", "objects", list),),
    "episode_seconds": (_Parameter("explorer", "episode_seconds", float),),
    "exit_when_done": (_Parameter("explorer", "exit_when_done", bool),),
    "armed": (_Parameter("explorer", "armed", bool),),
    "seed": (_Parameter("simulator", "seed", int), _Parameter("explorer", "seed", int)),
    "controller": (_Parameter("explorer", "controller"),),
    "frame_prefix": (_Parameter("simulator", "frame_prefix"),),
    "renderer": (_Parameter("simulator", "renderer"),),
    "extra_topics": (_Parameter("recorder", "extra_topics", list),),
    "run_dir": (_Parameter("trainer", "run_dir"),),
    "checkpoint": (_Parameter("trainer", "checkpoint"), _Parameter("evaluator", "checkpoint")),
    "replay_data": (_Parameter("trainer", "replay_data"),),
    "device": (_Parameter("trainer", "device"), _Parameter("evaluator", "device")),
    "gallery": (_Parameter("evaluator", "gallery"),),
    "taught": (_Parameter("evaluator", "taught"),),
    "refuse_known": (_Parameter("evaluator", "refuse_known", float),),
    "classifier": (_Parameter("evaluator", "classifier"),),
}

SYSTEMS: dict[str, System] = {
    "collect": System(
        "handle objects and record them: simulator (robot:=sim), explorer, recorder",
        ("simulator", "recorder", "explorer"),
        (*_COMMON, *_COLLECT),
    ),
    "train": System("train online from a running camera and arm: trainer", ("trainer",), (*_COMMON, *_TRAIN)),
    "evaluate": System(
        "recognize the category of the object in front of the camera: evaluator",
        ("evaluator",),
        (*_COMMON, *_CHECKPOINT_ONLY, *_EVALUATE),
    ),
    "online": System(
        "all nodes: handle, record, train and recognize",
        ("simulator", "recorder", "trainer", "evaluator", "explorer"),
        (*_COMMON, *_COLLECT, *_TRAIN, *_EVALUATE),
    ),
}


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
    values = complete(name, given)
    simulated = values["robot"] == "sim"
    use_sim_time = simulated if values["use_sim_time"] == "auto" else values["use_sim_time"] == "true"
    started = [node for node in system(name).nodes if simulated or node != "simulator"]
    return tuple(_node(node, values, simulated=simulated, use_sim_time=use_sim_time) for node in started)


def _node(node: str, values: Mapping[str, str], *, simulated: bool, use_sim_time: bool) -> NodeSpec:
    # The simulator publishes /clock and must not wait for it.
    parameters: dict[str, Any] = {"use_sim_time": use_sim_time and node != "simulator"}
    if node == "explorer":
        parameters["simulator"] = simulated
    elif node == "recorder":
        parameters["cameras"] = [values["camera"]]
    else:
        parameters["camera"] = values["camera"]
    for argument, value in values.items():
        for route in _ROUTES.get(argument, ()):
            if route.node == node and value != "":
                parameters[route.name] = _convert(argument, value, route.kind)
    return NodeSpec(
        name=node,
        parameters_file=str(_parameters_file(values["config"], node)),
        parameters=parameters,
        remappings=_remappings(values),
        namespace=values["namespace"],
        log_level=values["log_level"],
    )


def _remappings(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    camera, images = values["camera"], values["image_topic"]
    beside = images.rpartition("/")[0]
    pairs = (
        (topics.image_topic(camera), images),
        (topics.image_topic(camera, compressed=True), f"{images}/compressed" if images else ""),
        (topics.camera_info_topic(camera), f"{beside}/camera_info" if beside else ""),
        (topics.JOINT_STATES, values["joint_states_topic"]),
        (topics.COMMAND, values["command_topic"]),
    )
    return tuple((source, target) for source, target in pairs if target)


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
