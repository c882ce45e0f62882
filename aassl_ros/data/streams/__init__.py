"""Streams of messages: images, joint states, commands and episodes, synchronized to samples."""

from aassl_ros.data.streams.compressed_images import decode_compressed
from aassl_ros.data.streams.episodes import SETS, Episode, EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.images import decode_image, to_square
from aassl_ros.data.streams.joints import JointState, JointStream
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.data.streams.messages import (
    frame_from_message,
    header_stamp_ns,
    pose_from_message,
    stamp_ns,
    trajectory_from_message,
)
from aassl_ros.data.streams.robot_kinematics import RobotKinematics
from aassl_ros.data.streams.sample import Sample
from aassl_ros.data.streams.sampling import FrameSampler
from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.data.streams.stream_consumer import StreamConsumer, StreamCounts, StreamFrame
from aassl_ros.data.streams.sync import Synchronizer, SyncSettings

__all__ = [
    "SETS",
    "Episode",
    "EpisodeEvent",
    "EpisodeTracker",
    "FrameSampler",
    "JointState",
    "JointStream",
    "Ledger",
    "RobotKinematics",
    "Roles",
    "Sample",
    "Session",
    "StreamConsumer",
    "StreamCounts",
    "StreamFrame",
    "SyncSettings",
    "Synchronizer",
    "decode_compressed",
    "decode_image",
    "frame_from_message",
    "header_stamp_ns",
    "pose_from_message",
    "stamp_ns",
    "to_square",
    "trajectory_from_message",
]
