"""A recording of two cameras that each show the number of the frame, an arm with a gripper, and two episodes."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Roles, Session

MS = 1_000_000
SECOND = 1000 * MS
START = 1_700_000_000 * SECOND
JOINTS = ("shoulder", "elbow", "gripper")
IDS = ("8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11", "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a12")
PERIOD = 33_333_333
URDF = "<robot name='toy'><link name='base'/></robot>"


def session() -> Session:
    """Of the recording below."""
    roles = Roles(
        {"wrist": "/wrist/image_raw", "top": "/top/image_raw/compressed"},
        "/joint_states",
        {"arm": "/command"},
        "/episode",
        robot_description="/robot_description",
    )
    return Session("left", "toy", "base", "tip", roles, joint_groups={"arm": JOINTS})


def picture(number: int, side: int = 64) -> NDArray[np.uint8]:
    """A smooth picture whose gray level tells its number: 3 levels a frame."""
    ramp = np.linspace(-10, 10, side)
    gray = 40 + 3 * (number % 60) + ramp[None, :] + 0 * ramp[:, None]
    return np.repeat(gray[:, :, None], 3, axis=2).clip(0, 255).astype(np.uint8)


def number_of(image: NDArray[np.uint8]) -> int:
    """The number that `picture` drew, modulo 60."""
    return round((float(np.asarray(image, np.float64).mean()) - 40) / 3)


def angles(stamp_ns: int) -> NDArray[np.float64]:
    """The position of each joint."""
    t = (stamp_ns - START) / SECOND
    return np.array([np.sin(t), 0.5 * np.cos(t), 0.02 * t])


def header(stamp_ns: int) -> object:
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id="optical")


def raw(stamp_ns: int, image: NDArray[np.uint8]) -> bytes:
    height, width = image.shape[:2]
    made = messages.typestore().types[messages.IMAGE](
        header=header(stamp_ns), height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width,
        data=image.reshape(-1),
    )  # fmt: skip
    return messages.encode(made, messages.IMAGE)


def jpeg(stamp_ns: int, image: NDArray[np.uint8]) -> bytes:
    data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].reshape(-1)
    made = messages.typestore().types[messages.COMPRESSED_IMAGE](header=header(stamp_ns), format="jpeg", data=data)
    return messages.encode(made, messages.COMPRESSED_IMAGE)


def trajectory(stamp_ns: int, positions: NDArray[np.float64]) -> bytes:
    types = messages.typestore().types
    nothing = np.zeros(0)
    point = types["trajectory_msgs/msg/JointTrajectoryPoint"](
        positions=positions, velocities=nothing, accelerations=nothing, effort=nothing,
        time_from_start=types["builtin_interfaces/msg/Duration"](sec=0, nanosec=0),
    )  # fmt: skip
    made = types[messages.JOINT_TRAJECTORY](header=header(stamp_ns), joint_names=list(JOINTS), points=[point])
    return messages.encode(made, messages.JOINT_TRAJECTORY)


def stamp_of(number: int) -> int:
    """The stamp of a frame of the first camera: 30 Hz with some jitter."""
    return START + 20 * MS + number * PERIOD + int(3 * MS * np.sin(number))


def record(path: Path, frames: int = 60, lost: Collection[int] = (), side: int = 64, damaged: int = -1) -> Path:
    """Record `frames` frames of each camera; the first camera lost some. damaged: a frame of the second camera."""
    recording = Recording(path, session())
    end = stamp_of(frames) + 40 * MS
    sent: list[tuple[int, str, str, bytes]] = [
        (START, "/robot_description", messages.STRING, messages.encode_string(URDF))
    ]
    middle = stamp_of(frames // 2) - 5 * MS
    events = [
        (IDS[0], "start", START + 1, {"instance": "mug_0001", "category": "mug"}),
        (IDS[0], "stop", middle, {}),
        (IDS[1], "start", middle, {"instance": "box_0002", "category": "box", "set": "test"}),
        (IDS[1], "stop", end, {}),
    ]
    for identity, event, stamp, others in events:
        text = json.dumps({"id": identity, "event": event, "stamp": stamp, **others})
        sent.append((stamp, "/episode", messages.STRING, messages.encode_string(text)))
    for stamp in range(START, end, 10 * MS):
        sent.append(
            (stamp, "/joint_states", messages.JOINT_STATE, messages.encode_joint_state(stamp, JOINTS, angles(stamp)))
        )
    for stamp in range(START + 45 * MS, end, 100 * MS):
        sent.append((stamp, "/command", messages.JOINT_TRAJECTORY, trajectory(stamp, angles(stamp) + 0.1)))
    for number in range(frames):
        stamp = stamp_of(number)
        if number not in lost:
            sent.append((stamp, "/wrist/image_raw", messages.IMAGE, raw(stamp, picture(number, side))))
        shown = jpeg(stamp + 4 * MS, picture(number, side))
        shown = shown[:400] if number == damaged else shown
        sent.append((stamp + 4 * MS, "/top/image_raw/compressed", messages.COMPRESSED_IMAGE, shown))
    for stamp, topic, kind, data in sorted(sent, key=lambda one: one[0]):
        recording.add_topic(topic, kind)
        recording.receive(topic, stamp + MS, stamp, data)
    recording.close()
    return path


def record_with_video(folder: Path, frames: int) -> None:
    """Write whole: a recording; bag: the same without pictures; side.mp4: a video; stamps.json: its stamps."""
    import av

    record(folder / "whole", frames=frames)
    with BagReader(folder / "whole") as reader, BagWriter(folder / "bag") as writer:
        kept = [name for name in reader.topics if name.startswith(("/joint", "/command", "/episode", "/robot"))]
        for message in reader.messages(kept):
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.log_ns, message.publish_ns, message.data)
    with av.open(str(folder / "side.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "12"})
        stream.width = stream.height = 64
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())
    (folder / "stamps.json").write_text(json.dumps([stamp_of(number) for number in range(frames)]))
