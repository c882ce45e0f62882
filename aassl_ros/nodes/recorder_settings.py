"""The recorder's parameters, and the session description made from them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from aassl_ros import __version__
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.jpeg_cameras import compressed_name
from aassl_ros.data.bags.pre_record import PreRecordSettings
from aassl_ros.data.bags.split_rule import SplitSettings
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import ConfigError
from aassl_ros.motion.arms import joint_groups, load_arm
from aassl_ros.nodes.recorder_transports import COMPRESSED, RAW, camera_transports
from aassl_ros.ros.command_subscriptions import command_groups
from aassl_ros.settings import setting

_MAIN_GROUP = "arm"


ADJUSTABLE = ("queue_mb",)
"""Settings that may change while the node records."""


@dataclass(frozen=True)
class RecorderSettings(SyncSettings, FileSettings, SplitSettings, PreRecordSettings):
    """Parameters of the recorder node, including those of synchronization and of the file."""

    bag_dir: str = setting("bags", "Folder for the bags; each recording makes a bag named after its start time")
    bag: str = setting("", "Path of the bag to write, instead of a new one in bag_dir")
    storage: str = setting("mcap", "Storage format of the bag", choices=("mcap", "sqlite3"))
    cameras: tuple[str, ...] = setting(
        (topics.DEFAULT_CAMERA,), "Names of the cameras; the image topic of each is CAMERA/image_raw"
    )
    image_transport: str = setting(
        "raw",
        "Images to record: raw, or compressed (those on CAMERA/image_raw/compressed); for some cameras "
        "CAMERA:TRANSPORT, separated by commas",
    )
    jpeg_quality: int = setting(
        0,
        "Record raw images as JPEG of this quality, on CAMERA/image_raw/compressed in the bag; 0: as they come",
        minimum=0,
        maximum=100,
    )
    robot: str = setting("robot", "Name of the robot; robot and episode id together identify an episode")
    arm: str = setting("panda", "Arm configuration: a name in sim/arms or the path of a YAML file; empty: unknown")
    joint_states_topic: str = setting(topics.JOINT_STATES, "Topic of the joint states")
    command_topics: tuple[str, ...] = setting(
        (f"{_MAIN_GROUP}:{topics.COMMAND}",),
        "Topic of the commands of each joint group, as GROUP:TOPIC: JointTrajectory, JointTrajectoryControllerState, "
        "JointState of a leader arm, or Float64MultiArray",
    )
    extra_topics: tuple[str, ...] = setting((), "Further topics to record")
    queue_mb: float = setting(
        256.0, "Size of the queue of messages waiting for the disk, 10^6 bytes", minimum=1.0, maximum=65536.0
    )
    image_depth: int = setting(
        60, "Depth of the queue between middleware and recorder, for images", minimum=1, maximum=10000
    )
    depth: int = setting(
        2000, "Depth of the queue between middleware and recorder, for every other topic", minimum=1, maximum=100000
    )

    def image_topics(self) -> dict[str, str]:
        """Return the topic of each camera's images to receive. Raises ConfigError."""
        transports = camera_transports(self.image_transport, self.cameras)
        return {
            camera: topics.image_topic(camera, compressed=transport == COMPRESSED)
            for camera, transport in transports.items()
        }

    def encoded_topics(self, session: Session) -> list[str]:
        """Return the topics of raw images to record as JPEG. Raises ConfigError."""
        if not self.jpeg_quality:
            return []
        transports = camera_transports(self.image_transport, self.cameras)
        return [session.roles.cameras[camera] for camera, transport in transports.items() if transport == RAW]

    def commands(self) -> dict[str, str]:
        """Return the command topic of each joint group. Raises ConfigError."""
        return command_groups(self.command_topics, "recorder")

    def topics(self, session: Session) -> dict[str, str]:
        """Return every topic to record, with the name in the bag if it has another there.

        Trajectories that were sent as goals of an action are recorded as if they had been sent on the command's topic.
        """
        roles = session.roles
        named = [
            *roles.cameras.values(),
            *(topics.camera_info_topic(camera) for camera in self.cameras),
            roles.joint_states,
            *roles.commands.values(),
            roles.episode,
            roles.object_pose,
            roles.joint_truth,
            topics.SIMULATOR_OBJECT_STATE,
            roles.robot_description,
            topics.ABSOLUTE_ROBOT_DESCRIPTION,
            topics.TF_STATIC,
            *self.extra_topics,
        ]
        copies = {topics.goals_topic(command): command for command in roles.commands.values()}
        return {**dict.fromkeys(named, ""), **copies}

    def bag_path(self, part: int) -> Path:
        """Return the path of the bag. part: 0 for the first, then one more for each split."""
        if self.bag:
            path = Path(self.bag).expanduser()
        else:
            name = time.strftime(f"{self.robot.replace('/', '_') or 'bag'}_%Y-%m-%d_%H-%M-%S")
            path = Path(self.bag_dir).expanduser() / name
        return path if part == 0 else path.with_name(f"{path.name}_{part}")


def make_session(settings: RecorderSettings, namespace: str, resolve: Callable[[str], str], rmw: str) -> Session:
    """Make the description of a session. resolve: converts a relative topic to its absolute, remapped name.

    Raises ConfigError if no camera is given, the arm is unknown, or a setting of the file or the images does not apply.
    """
    settings.check(settings.storage, source="recorder")
    if not settings.cameras:
        raise ConfigError("recorder: cameras is empty, expected at least one camera's name.")
    arm = load_arm(settings.arm) if settings.arm else None
    session = Session(
        robot=settings.robot,
        arm=settings.arm,
        base_link=arm.base_link if arm else "",
        tip_link=arm.tip_link if arm else "",
        roles=Roles(
            cameras={camera: resolve(topic) for camera, topic in settings.image_topics().items()},
            joint_states=resolve(settings.joint_states_topic),
            commands={group: resolve(topic) for group, topic in settings.commands().items()},
            episode=resolve(topics.EPISODE),
            object_pose=resolve(topics.OBJECT_POSE),
            joint_truth=resolve(topics.JOINT_TRUTH),
            robot_description=resolve(topics.ROBOT_DESCRIPTION),
        ),
        namespace=namespace,
        joint_groups=joint_groups(arm),
        settings=asdict(settings),
        versions={
            "aassl_ros": __version__,
            "python": platform.python_version(),
            "ros_distro": os.environ.get("ROS_DISTRO", ""),
            "rmw": rmw,
            "rosbags": importlib.metadata.version("rosbags"),
        },
    )
    extra = {resolve(topic) for topic in settings.extra_topics}
    if taken := [topic for topic in settings.encoded_topics(session) if compressed_name(topic) in extra]:
        raise ConfigError(
            f"recorder: extra_topics contains {compressed_name(taken[0])!r}, and jpeg_quality records {taken[0]} under "
            "that name. Leave it out, or record the camera by image_transport."
        )
    return session
