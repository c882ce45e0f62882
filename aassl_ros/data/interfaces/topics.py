"""Names of the topics. They are relative, so that a node's namespace puts them under its robot."""

from __future__ import annotations

EPISODE = "episode"
STOP_NOW = "explorer/stop_now"
JOINT_STATES = "joint_states"
COMMAND = "joint_trajectory_controller/joint_trajectory"
OBJECT_POSE = "simulator/truth/object_pose"
JOINT_TRUTH = "simulator/truth/joint_state"
SIMULATOR_OBJECT = "simulator/object"
SIMULATOR_OBJECT_STATE = "simulator/object_state"
SESSION = "recorder/session"
LEDGER = "recorder/ledger"
EPISODE_LEDGER = "recorder/episode_ledger"
CHECKPOINT = "trainer/checkpoint"
WEIGHTS = "trainer/weights"
METRIC = "trainer/metrics/NAME"
CLASSIFICATION = "evaluator/classification"
ANSWER = "evaluator/answer"
ANNOTATED = "evaluator/image"
CONFIDENCE = "evaluator/metrics/confidence"
IS_UNKNOWN = "evaluator/metrics/unknown"
LATENCY = "evaluator/metrics/latency_ms"
ANSWER_RATE = "evaluator/metrics/answers_per_s"
GALLERY_COMMAND = "evaluator/gallery_command"
GALLERY = "evaluator/gallery_state"
# The relative name, as in robot_state_publisher, is for systems with one description per robot. Other systems publish
# one description under the absolute name.
ROBOT_DESCRIPTION = "robot_description"
ABSOLUTE_ROBOT_DESCRIPTION = "/robot_description"
# Absolute by convention, for any namespace of the robot.
TF = "/tf"
TF_STATIC = "/tf_static"

DEFAULT_CAMERA = "camera"


def image_topic(camera: str, *, compressed: bool = False) -> str:
    """The topic of the frames of `camera`: CAMERA/image_raw, or CAMERA/image_raw/compressed."""
    return f"{camera}/image_raw/compressed" if compressed else f"{camera}/image_raw"


def camera_info_topic(camera: str) -> str:
    """The topic of the calibration and image size of `camera`: CAMERA/camera_info."""
    return f"{camera}/camera_info"


def goals_topic(command: str) -> str:
    """The topic with a copy of each trajectory that was sent as a goal of an action, instead of on `command`."""
    return f"{command}/goals"


def action_beside(command: str) -> str:
    """The action that a controller offers beside its trajectory topic; empty if the topic has not the usual name."""
    controller, _, name = command.rpartition("/")
    return f"{controller}/follow_joint_trajectory" if name == COMMAND.rpartition("/")[2] else ""


def metric_topic(name: str) -> str:
    """The topic of one number of the trainer: trainer/metrics/NAME."""
    return METRIC.replace("NAME", name)


def sample_topics(camera: str) -> tuple[str, str]:
    """The topics in a bag with the joint state and the command at each frame of `camera`, in this order."""
    return f"recorder/sample/{camera}/joint_state", f"recorder/sample/{camera}/joint_command"
