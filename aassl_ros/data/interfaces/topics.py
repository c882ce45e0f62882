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
EPISODE_LEDGER = "recorder/episode_ledger"
CHECKPOINT = "trainer/checkpoint"
CLASSIFICATION = "evaluator/classification"
ANSWER = "evaluator/answer"
ANNOTATED = "evaluator/image"
GALLERY_COMMAND = "evaluator/gallery_command"
GALLERY = "evaluator/gallery"
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


def sample_topics(camera: str) -> tuple[str, str]:
    """The topics in a bag with the joint state and the command at each frame of `camera`, in this order."""
    return f"recorder/sample/{camera}/joint_state", f"recorder/sample/{camera}/joint_command"
