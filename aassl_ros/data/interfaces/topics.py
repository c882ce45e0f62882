"""Names of the topics. They are relative, so that a node's namespace puts them under its robot."""

from __future__ import annotations

EPISODE = "episode"
JOINT_STATES = "joint_states"
COMMAND = "joint_trajectory_controller/joint_trajectory"
OBJECT_POSE = "simulator/truth/object_pose"
JOINT_TRUTH = "simulator/truth/joint_state"
SIMULATOR_OBJECT = "simulator/object"
SIMULATOR_OBJECT_STATE = "simulator/object_state"
SESSION = "recorder/session"
LEDGER = "recorder/ledger"
CHECKPOINT = "trainer/checkpoint"
CLASSIFICATION = "evaluator/classification"
ANSWER = "evaluator/answer"
ANNOTATED = "evaluator/image"
# Relative, as robot_state_publisher's: each robot has its own. Some systems have one for all, by its absolute name.
ROBOT_DESCRIPTION = "robot_description"
ABSOLUTE_ROBOT_DESCRIPTION = "/robot_description"
# Absolute by custom, whatever the robot's namespace.
TF = "/tf"
TF_STATIC = "/tf_static"

DEFAULT_CAMERA = "camera"


def image_topic(camera: str, *, compressed: bool = False) -> str:
    """Where the frames of `camera` come: CAMERA/image_raw, or CAMERA/image_raw/compressed."""
    return f"{camera}/image_raw/compressed" if compressed else f"{camera}/image_raw"


def camera_info_topic(camera: str) -> str:
    """Where the lens and size of `camera` are told: CAMERA/camera_info."""
    return f"{camera}/camera_info"


def sample_topics(camera: str) -> tuple[str, str]:
    """Where a bag keeps the joint state and the command at each frame of `camera`: (joint_state, joint_command)."""
    return f"recorder/sample/{camera}/joint_state", f"recorder/sample/{camera}/joint_command"
