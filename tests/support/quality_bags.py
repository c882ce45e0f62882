"""Bags with motion that a camera sees, for checks of their quality. Faults are put into them on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from small_streams import MS, SECOND, Message, episode_event, header, record, text

from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages

URDF = """<robot name="r"><link name="base"/><link name="arm"/>
<joint name="a" type="revolute"><parent link="base"/><child link="arm"/><axis xyz="0 0 1"/>
<limit lower="-1.5" upper="1.5" effort="1" velocity="9"/></joint></robot>"""
SIZE = 64
Picture = NDArray[np.uint8]


def angle(stamp_ns: float) -> float:
    """Moves and stops without repeating itself."""
    time = stamp_ns / SECOND
    return float(0.6 * np.sin(2.1 * time) + 0.4 * np.sin(0.73 * time + 1) * np.sin(1.3 * time))


def _texture() -> Picture:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, 8 * SIZE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.2)
    return np.clip(128 + 2.5 * (smooth - smooth.mean()), 20, 235).astype(np.uint8)


_TEXTURE = _texture()


def picture(stamp_ns: float) -> Picture:
    """What the camera sees at that time: a texture that moves with the joint."""
    shift = np.float32(3.5 * SIZE + 60 * angle(stamp_ns))
    columns = np.tile(np.arange(SIZE, dtype=np.float32) + shift, (SIZE, 1))
    rows = np.tile(np.arange(SIZE, dtype=np.float32)[:, None], (1, SIZE))
    gray = cv2.remap(_TEXTURE, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.repeat(np.asarray(gray, np.uint8)[:, :, None], 3, axis=2)


def frame(stamp_ns: int, pixels: Picture) -> Message:
    height, width = pixels.shape[:2]
    made = messages.typestore().types[messages.IMAGE](
        header=header(stamp_ns),
        height=height,
        width=width,
        encoding="rgb8",
        is_bigendian=0,
        step=3 * width,
        data=pixels.reshape(-1),
    )
    return Message("/camera/image_raw", messages.IMAGE, stamp_ns, messages.encode(made, messages.IMAGE))


def joints(stamp_ns: int, position: float, names: Sequence[str] = ("a",)) -> Message:
    data = messages.encode_joint_state(stamp_ns, names, [position] * len(names))
    return Message("/joint_states", messages.JOINT_STATE, stamp_ns, data)


def quality_stream(
    seconds: float = 6.0,
    *,
    change: Callable[[int, Picture], Picture] = lambda number, pixels: pixels,
    position: Callable[[int], float] = angle,
    joint_ms: int = 10,
) -> list[Message]:
    """A sound stream. change: makes a picture wrong, by its number; position: of the joint, by stamp."""
    end = SECOND + round(seconds * SECOND)
    found = [joints(stamp, position(stamp)) for stamp in range(SECOND, end, joint_ms * MS)]
    stamps = range(SECOND + 7 * MS, end - 40 * MS, 33 * MS)
    found += [frame(stamp, change(number, picture(stamp))) for number, stamp in enumerate(stamps)]
    found += [episode_event(0, "start", SECOND), episode_event(0, "stop", end)]
    return sorted([text("/robot_description", SECOND, URDF), *found], key=lambda message: message.stamp_ns)


def quality_bag(path: Path, recorded: Sequence[Message]) -> Path:
    """Recorded by our recorder."""
    return record(path, recorded)


def written_bag(path: Path, recorded: Sequence[Message]) -> Path:
    """As another recorder writes it: without session, samples and ledger."""
    with BagWriter(path) as writer:
        for message in recorded:
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.stamp_ns + MS, message.stamp_ns, message.data)
    return path
