"""Reads a bag once for all measures: times of every topic, joint states as a table, numbers of the frames."""

from __future__ import annotations

import contextlib
from array import array
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.joint_topics import choose_joint_topics
from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.data.quality.pictures import FrameMeasurer, FrameTable
from aassl_ros.data.quality.thresholds import Thresholds
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.joint_table import JointTable, read_joint_table
from aassl_ros.errors import BagError, DataError

_IMAGES = (messages.IMAGE, messages.COMPRESSED_IMAGE)
_STAMPED = (*_IMAGES, messages.JOINT_STATE, messages.JOINT_TRAJECTORY, "geometry_msgs/msg/PoseStamped")
# 16 bytes each. Of longer topics, the rest is not measured, and this is said.
MOST_TIMES = 8_000_000
# Values of joints: 8 bytes each.
_MOST_JOINT_VALUES = 16_000_000
_BLOCK = 65_536


@dataclass(frozen=True)
class Times:
    """Times of a topic in order of receipt. log_ns, stamp_ns: int64 [N]; stamps of 0 if the type has none."""

    type: str
    log_ns: NDArray[np.int64]
    stamp_ns: NDArray[np.int64]


@dataclass
class BagStreams:
    """All that the measures use. cameras: camera -> its topic; frames: topic -> numbers of its frames."""

    cameras: dict[str, str]
    joint_topics: tuple[str, ...]
    times: dict[str, Times]
    joints: JointTable
    frames: dict[str, FrameTable]
    robot_description: str = ""
    notes: list[str] = field(default_factory=list)


def camera_topics(reader: BagReader) -> dict[str, str]:
    """The topic of each camera in a bag: those of the session, else all topics of images, named by themselves."""
    session = reader.session
    cameras = dict(session.roles.cameras) if session else {}
    if not cameras:
        cameras = {name: name for name, topic in reader.topics.items() if topic.type in _IMAGES}
    return {name: topic for name, topic in cameras.items() if topic in reader.topics}


def read_streams(
    reader: BagReader, thresholds: Thresholds, progress: Callable[[int, int], None] = lambda done, total: None
) -> BagStreams:
    """Read a bag once.

    Args:
        reader: the open bag.
        thresholds: how many frames are decoded.
        progress: called with the number of messages read, and the total.

    Raises:
        BagError: the bag is damaged.
    """
    session, notes = reader.session, list[str]()
    cameras = camera_topics(reader)
    try:
        joint_topics = choose_joint_topics(reader, (), session).topics
    except BagError as error:
        joint_topics = tuple(name for name, topic in reader.topics.items() if topic.type == messages.JOINT_STATE)[:1]
        notes.append(f"joints are those of {joint_topics[0]}: {error}")
    joint_topics = tuple(
        name for name in joint_topics if name in reader.topics and reader.topics[name].type == messages.JOINT_STATE
    )
    collector = _Collector(reader, list(cameras.values()), joint_topics, thresholds)
    total = reader.message_count
    for number, message in enumerate(reader.messages()):
        collector.take(message)
        if number % 256 == 0:
            progress(number, total)
    progress(total, total)
    return collector.streams(cameras, notes)


class _Collector:
    def __init__(
        self, reader: BagReader, cameras: list[str], joint_topics: tuple[str, ...], thresholds: Thresholds
    ) -> None:
        self._reader, self._joint_topics = reader, joint_topics
        self._log: dict[str, array[int]] = defaultdict(lambda: array("q"))
        self._stamp: dict[str, array[int]] = defaultdict(lambda: array("q"))
        self._frames = {
            topic: FrameMeasurer(reader, reader.topics[topic].message_count, thresholds) for topic in cameras
        }
        self._tables: list[JointTable] = []
        self._waiting: list[bytes] = []
        self._joint_values = 0
        self._cut: set[str] = set()
        self._description = ""

    def take(self, message: BagMessage) -> None:
        topic, kind, log_ns, _, data = message[:5]
        stamp_ns = 0
        if kind in _STAMPED:
            try:
                stamp_ns = messages.header_stamp_ns(data)
            except DataError:
                stamp_ns = 0
        log = self._log[topic]
        if len(log) < MOST_TIMES:
            log.append(log_ns)
            self._stamp[topic].append(stamp_ns)
        else:
            self._cut.add(topic)
        if topic in self._joint_topics:
            if self._joint_values < _MOST_JOINT_VALUES:
                self._waiting.append(data)
                if len(self._waiting) >= _BLOCK:
                    self._read_joints()
            else:
                self._cut.add(topic)
        elif topic in self._frames:
            self._frames[topic].take(message, stamp_ns)
        elif topic.endswith("robot_description") and kind == messages.STRING:
            with contextlib.suppress(DataError):
                self._description = self._reader.decode(message).data

    def _read_joints(self) -> None:
        table = read_joint_table(self._waiting)
        self._tables.append(table)
        self._joint_values += table.position.size
        self._waiting = []

    def streams(self, cameras: dict[str, str], notes: list[str]) -> BagStreams:
        self._read_joints()
        notes += [f"only the first part of {topic} was measured: it is very long" for topic in sorted(self._cut)]
        times = {
            topic: Times(
                self._reader.topics[topic].type, np.array(log, np.int64), np.array(self._stamp[topic], np.int64)
            )
            for topic, log in self._log.items()
        }
        frames = {topic: measurer.table() for topic, measurer in self._frames.items()}
        joints = _stacked(self._tables)
        return BagStreams(cameras, self._joint_topics, times, joints, frames, self._description, notes)


def _stacked(tables: list[JointTable]) -> JointTable:
    names = tuple(dict.fromkeys(name for table in tables for name in table.names))
    rows = []
    for table in tables:
        position = np.full((len(table.stamps_ns), len(names)), np.nan)
        position[:, [names.index(name) for name in table.names]] = table.position
        rows.append(position)
    stamps = np.concatenate([table.stamps_ns for table in tables])
    return JointTable(names, stamps, np.concatenate(rows), sum(table.unreadable for table in tables))
