"""The launch arguments of the systems, in groups, and the parameters of nodes that they set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Argument:
    """One launch argument. With an empty default, the node's parameter file decides."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """A node's parameter that a launch argument sets, unless the argument is empty."""

    node: str
    name: str
    kind: type = str


_CAMERA = Argument("camera", "camera", "name of the camera; its image topic is CAMERA/image_raw")
_HOUSE = (
    Argument(
        "config", "", "folder with NODE.yaml parameter files, or one file for all nodes; default: the installed config/"
    ),
    Argument("namespace", "", "namespace of all nodes and relative topics"),
    Argument("log_level", "info", "lowest level that is logged", ("debug", "info", "warn", "error")),
)
COMMON = (
    Argument(
        "robot",
        "sim",
        "sim: use simulated time, and start the simulator if the system moves objects; real: use a camera and an arm "
        "driver (ros2_control) that already run",
        ("sim", "real"),
    ),
    Argument(
        "arm",
        "panda",
        "arm configuration: a name in sim/arms (panda, iiwa, xarm6, ur5e, so101) or the path of a YAML file",
    ),
    _CAMERA,
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
    *_HOUSE,
)
COLLECT = (
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
        "trajectory_action",
        "",
        "action to which the trajectories for a real arm are sent as goals; auto (the node's default): "
        "follow_joint_trajectory beside the trajectory topic, if a controller offers it; none: use the topic",
    ),
    Argument(
        "frame_prefix", "", "prefix of the simulator's frame names; empty: the namespace and a slash, if there is one"
    ),
    Argument("renderer", "", "renderer of the simulator: cpu or egl"),
    Argument("extra_topics", "", "further topics to record, separated by commas"),
)
TRAIN = (
    Argument("run_dir", "", "folder for the trainer's checkpoints and log"),
    Argument(
        "checkpoint",
        "",
        "checkpoint from which the evaluator and a new run of the trainer start (a run_dir with a checkpoint goes on "
        "with its own); pretrained: ImageNet weights (the nodes' default); none: new weights, and no answer before the "
        "trainer's first checkpoint",
    ),
    Argument("replay_data", "", "prepared data, a bag or a folder of bags that the trainer mixes into its batches"),
    Argument("device", "", "device to compute on: auto, cpu, cuda"),
    Argument("robots", "", "namespaces of several robots to train on, separated by commas; empty: this one's"),
    Argument("publish_weights", "", "true: the trainer also sends its encoders as messages, to other machines"),
)
EVALUATE = (
    Argument("gallery", "", "labelled frames that define the categories: prepared data or a gallery folder"),
    Argument("seen", "", "prepared data of objects that were handled without names; they help to name and to refuse"),
    Argument("taught", "", "folder of the objects that are taught while the system runs (aassl teach NAME)"),
    Argument(
        "refuse_known", "", "share of views of known objects that may be called unknown; 0: every object gets a name"
    ),
    Argument("classifier", "", "classifier on the gallery: auto, prototypes, knn or linear"),
)
CHECKPOINT_ONLY = (TRAIN[1], TRAIN[3])
_HANDLED = {argument.name: argument for argument in (*COMMON, *COLLECT)}
LIVE = (
    Argument(
        "robot",
        "none",
        "none: the camera node shows camera_source; sim: the simulated arm handles objects before the simulated camera",
        ("none", "sim"),
    ),
    *(_HANDLED[name] for name in ("arm", "objects", "episode_seconds", "seed", "renderer")),
    Argument("repeat", "", "true: the explorer begins again with the first object after the last"),
    Argument("camera_source", "", "what the camera node shows: 0 or /dev/video0, or a video file"),
    Argument("camera_loop", "", "true: a video file is played again when it has ended"),
    _CAMERA,
    *_HOUSE,
)

PAGE = (
    Argument(
        "page_host",
        "",
        "address of the page; 127.0.0.1: only this machine sees it, 0.0.0.0: every machine that has the token",
    ),
    Argument("page_port", "", "port of the page; 0: any free one"),
    Argument("page_token", "", "secret that browsers must know; empty: one is made if page_host is not this machine"),
)
PAGE_OR_NOT = (Argument("page", "false", "true: start the web page, too (docs/page.md)", ("true", "false")), *PAGE)

ROUTES: dict[str, tuple[Parameter, ...]] = {
    "arm": tuple(Parameter(node, "arm") for node in ("simulator", "explorer", "recorder", "trainer")),
    "bag_dir": (Parameter("recorder", "bag_dir"),),
    "bag": (Parameter("recorder", "bag"),),
    "storage": (Parameter("recorder", "storage"),),
    "image_transport": (Parameter("recorder", "image_transport"),),
    "jpeg_quality": (Parameter("recorder", "jpeg_quality", int),),
    "objects": (Parameter("explorer", "objects", list),),
    "episode_seconds": (Parameter("explorer", "episode_seconds", float),),
    "exit_when_done": (Parameter("explorer", "exit_when_done", bool),),
    "armed": (Parameter("explorer", "armed", bool),),
    "seed": (Parameter("simulator", "seed", int), Parameter("explorer", "seed", int)),
    "controller": (Parameter("explorer", "controller"),),
    "trajectory_action": (Parameter("explorer", "trajectory_action"),),
    "frame_prefix": (Parameter("simulator", "frame_prefix"),),
    "renderer": (Parameter("simulator", "renderer"),),
    "extra_topics": (Parameter("recorder", "extra_topics", list),),
    "run_dir": (Parameter("trainer", "run_dir"),),
    "checkpoint": (Parameter("trainer", "checkpoint"), Parameter("evaluator", "checkpoint")),
    "replay_data": (Parameter("trainer", "replay_data"),),
    "robots": (Parameter("trainer", "robots", list),),
    "publish_weights": (Parameter("trainer", "publish_weights", bool),),
    "device": (Parameter("trainer", "device"), Parameter("evaluator", "device")),
    "repeat": (Parameter("explorer", "repeat", bool),),
    "camera_source": (Parameter("camera", "source"),),
    "camera_loop": (Parameter("camera", "loop", bool),),
    "gallery": (Parameter("evaluator", "gallery"),),
    "seen": (Parameter("evaluator", "seen"),),
    "taught": (Parameter("evaluator", "taught"),),
    "refuse_known": (Parameter("evaluator", "refuse_known", float),),
    "classifier": (Parameter("evaluator", "classifier"),),
    "page_host": (Parameter("page", "host"),),
    "page_port": (Parameter("page", "port", int),),
    "page_token": (Parameter("page", "token"),),
}
