"""A recorded stream in miniature: an arm with one joint, a camera, an object, commands and episodes, as CDR."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aassl_ros.data.bags.jpeg_cameras import JpegCameras
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Roles, Session

MS = 1_000_000
SECOND = 1000 * MS
SIZE = 8
POSE = "geometry_msgs/msg/PoseStamped"
# Two links turned by one joint: the tip is 1 m along x from it.
URDF = """<robot name="r"><link name="base"/><link name="arm"/><link name="tip"/>
<joint name="a" type="continuous"><parent link="base"/><child link="arm"/><axis xyz="0 0 1"/></joint>
<joint name="end" type="fixed"><parent link="arm"/><child link="tip"/><origin xyz="1 0 0"/></joint></robot>"""
SESSION = Session(
    robot="robot",
    arm="test",
    base_link="base",
    tip_link="tip",
    roles=Roles({"camera": "/camera/image_raw"}, "/joint_states", {"arm": "/command"}, "/episode", "/object_pose"),
)


class Message(NamedTuple):
    topic: str
    type: str
    stamp_ns: int
    data: bytes


def header(stamp_ns: int) -> Any:
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id="")


def image(stamp_ns: int, encoding: str = "rgb8", width: int = 2 * SIZE, topic: str = "/camera/image_raw") -> Message:
    """Gray of a shade that tells the stamp, twice as wide as the training size."""
    kind = messages.typestore().types[messages.IMAGE]
    pixels = np.full(3 * width * width, shade(stamp_ns), np.uint8)
    shape = {"height": width, "width": width, "step": 3 * width}
    made = kind(header=header(stamp_ns), encoding=encoding, is_bigendian=0, data=pixels, **shape)
    return Message(topic, messages.IMAGE, stamp_ns, messages.encode(made, messages.IMAGE))


def shade(stamp_ns: int) -> int:
    return stamp_ns // (33 * MS) % 251


def joint_state(stamp_ns: int, names: Sequence[str] = ("a",)) -> Message:
    """A joint that turns by 1 rad/s, so that its position is its stamp in seconds."""
    data = messages.encode_joint_state(stamp_ns, names, [stamp_ns / SECOND] * len(names))
    return Message("/joint_states", messages.JOINT_STATE, stamp_ns, data)


def command(stamp_ns: int, position: float) -> Message:
    types = messages.typestore().types
    nothing = np.zeros(0)
    at_once = types["builtin_interfaces/msg/Duration"](sec=0, nanosec=0)
    parts = {"velocities": nothing, "accelerations": nothing, "effort": nothing, "time_from_start": at_once}
    point = types["trajectory_msgs/msg/JointTrajectoryPoint"](positions=np.array([position]), **parts)
    made = types[messages.JOINT_TRAJECTORY](header=header(stamp_ns), joint_names=["a"], points=[point])
    return Message("/command", messages.JOINT_TRAJECTORY, stamp_ns, messages.encode(made, messages.JOINT_TRAJECTORY))


def object_pose(stamp_ns: int) -> Message:
    types = messages.typestore().types
    point = types["geometry_msgs/msg/Point"](x=stamp_ns / SECOND, y=0.0, z=1.0)
    turn = types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0)
    pose = types["geometry_msgs/msg/Pose"](position=point, orientation=turn)
    made = types[POSE](header=header(stamp_ns), pose=pose)
    return Message("/object_pose", POSE, stamp_ns, messages.encode(made, POSE))


def text(topic: str, stamp_ns: int, content: str) -> Message:
    return Message(topic, messages.STRING, stamp_ns, messages.encode_string(content))


def episode_event(number: int, event: str, stamp_ns: int, instance_set: str = "train") -> Message:
    what = {"instance": f"mug_{number:04d}", "category": "mug", "set": instance_set} if event == "start" else {}
    identity = f"00000000-0000-4000-8000-{number:012d}"
    return text("/episode", stamp_ns, json.dumps({"id": identity, "stamp": stamp_ns, "event": event, **what}))


def stream(seconds: float = 2.0, first_episode: int = 0) -> list[Message]:
    """Frames each 33 ms with the object's pose, joints each 10 ms, a command each 500 ms, an episode each second."""
    end = SECOND + round(seconds * SECOND)
    found = [joint_state(stamp) for stamp in range(SECOND, end, 10 * MS)]
    stamps = range(SECOND + 7 * MS, end - 40 * MS, 33 * MS)
    found += [image(stamp) for stamp in stamps] + [object_pose(stamp) for stamp in stamps]
    found += [command(stamp, stamp / SECOND) for stamp in range(SECOND + 200 * MS, end, 500 * MS)]
    for number, start in enumerate(range(SECOND, end, SECOND), start=first_episode):
        found.append(episode_event(number, "start", start, "train" if number % 2 == 0 else "test"))
        found.append(episode_event(number, "stop", start + 900 * MS))
    return sorted([text("/robot_description", SECOND, URDF), *found], key=lambda message: message.stamp_ns)


def record(
    path: Path,
    recorded: Sequence[Message],
    session: Session = SESSION,
    storage: str = "mcap",
    jpeg: JpegCameras | None = None,
) -> Path:
    """A bag as the recorder makes it, samples included."""
    recording = Recording(path, session, storage=storage, jpeg=jpeg)
    for message in recorded:
        recording.add_topic(message.topic, message.type)
        recording.receive(message.topic, message.stamp_ns + MS, message.stamp_ns, message.data)
    recording.close()
    return path


def without(recorded: Sequence[Message], topic: str) -> list[Message]:
    return [message for message in recorded if message.topic != topic]
