"""A recorded stream in miniature: camera at 30 Hz, joints at 100 Hz, commands and an episode, as CDR."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Roles, Session

MS = 1_000_000
SECOND = 1000 * MS
EPISODE_ID = "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11"


class Message(NamedTuple):
    topic: str
    type: str
    stamp_ns: int
    data: bytes


def header(stamp_ns: int) -> Any:
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera_optical")


def image_cdr(stamp_ns: int, *, encoding: str = "rgb8", size: int = 16) -> bytes:
    image = messages.typestore().types[messages.IMAGE](
        header=header(stamp_ns),
        height=size,
        width=size,
        encoding=encoding,
        is_bigendian=0,
        step=3 * size,
        data=np.full(3 * size * size, stamp_ns // MS % 251, np.uint8),
    )
    return messages.encode(image, messages.IMAGE)


def trajectory_cdr(stamp_ns: int, position: float | None) -> bytes:
    """A command to be at `position` at once; None: an empty trajectory."""
    types = messages.typestore().types
    nothing = np.zeros(0)
    points = []
    if position is not None:
        points = [
            types["trajectory_msgs/msg/JointTrajectoryPoint"](
                positions=np.array([position]),
                velocities=nothing,
                accelerations=nothing,
                effort=nothing,
                time_from_start=types["builtin_interfaces/msg/Duration"](sec=0, nanosec=0),
            )
        ]
    trajectory = types[messages.JOINT_TRAJECTORY](header=header(stamp_ns), joint_names=["a"], points=points)
    return messages.encode(trajectory, messages.JOINT_TRAJECTORY)


def angle(stamp_ns: int) -> float:
    return math.sin(stamp_ns / SECOND)


def episode_json(event: str, stamp_ns: int) -> str:
    reported = {
        "id": EPISODE_ID,
        "stamp": stamp_ns,
        "event": event,
        "instance": "mug_0001",
        "category": "mug",
        "set": "train",
    }
    return json.dumps(reported)


def stream(seconds: float) -> Iterator[Message]:
    """In order of their stamps, from 1 s on; the first and last message are joint states."""
    end = SECOND + round(seconds * SECOND)
    found = [
        Message("/joint_states", messages.JOINT_STATE, stamp, messages.encode_joint_state(stamp, ["a"], [angle(stamp)]))
        for stamp in range(SECOND, end, 10 * MS)
    ]
    found += [
        Message("/camera/image_raw", messages.IMAGE, stamp, image_cdr(stamp))
        for stamp in range(SECOND + 7 * MS, end - 30 * MS, 33 * MS)
    ]
    found += [
        Message("/command", messages.JOINT_TRAJECTORY, stamp, trajectory_cdr(stamp, stamp / SECOND))
        for stamp in range(SECOND + 200 * MS, end, 500 * MS)
    ]
    start = SECOND + 1
    found.append(Message("/episode", messages.STRING, start, messages.encode_string(episode_json("start", start))))
    return iter(sorted(found, key=lambda message: message.stamp_ns))


@pytest.fixture
def session() -> Session:
    roles = Roles({"camera": "/camera/image_raw"}, "/joint_states", {"arm": "/command"}, "/episode")
    return Session(
        "robot", "panda", "base", "tip", roles, joint_groups={"arm": ("a",)}, settings={"sample_timeout": 1.0}
    )


class Streams:
    """Makers of the messages above, for tests (which cannot import a conftest)."""

    stream = staticmethod(stream)
    image_cdr = staticmethod(image_cdr)
    trajectory_cdr = staticmethod(trajectory_cdr)
    episode_json = staticmethod(episode_json)
    angle = staticmethod(angle)

    @staticmethod
    def message(topic: str, msgtype: str, stamp_ns: int, data: bytes) -> Message:
        return Message(topic, msgtype, stamp_ns, data)


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
def make_bag(tmp_path: Path, session: Session) -> Callable[..., Path]:
    """make_bag(messages, name="bag", storage="mcap") records these messages and returns the bag's path."""

    def make(recorded: Iterable[Message], name: str = "bag", storage: str = "mcap") -> Path:
        recording = Recording(tmp_path / name, session, storage=storage)
        for message in recorded:
            recording.add_topic(message.topic, message.type)
            recording.receive(message.topic, message.stamp_ns + MS, message.stamp_ns, message.data)
        recording.close()
        return recording.path

    return make
