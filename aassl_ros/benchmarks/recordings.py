"""Bags for benchmarks: a camera of 640 x 480 at 30 Hz, joint states of seven joints, and one episode."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.joint_block import JointLayout
from aassl_ros.data.streams.session import Roles, Session

CAMERA, JOINTS = "/camera/image_raw", "/joint_states"
HEIGHT, WIDTH = 480, 640
SMALL = 32
_EPISODE = "/episode"
_CAMERA_HZ, _SECOND = 30, messages.NANOSECONDS
_JOINT_NAMES = tuple(f"joint_{number}" for number in range(1, 8))
_SCENES = 60
"""Different pictures in a bag; they repeat."""


def record_bag(path: Path, kind: str, frames: int, joint_hz: int, seed: int) -> list[NDArray[np.uint8]]:
    """Write a bag.

    Args:
        path: the folder to make.
        kind: "jpeg" (quality 90), "raw" (bgr8) or "small" (mono8 of 32 x 32).
        frames: number of frames.
        joint_hz: rate of the joint states.
        seed: of the pictures; also the number of the episode.

    Returns:
        The picture of each frame as it is in the message: JPEG uint8 [bytes], uint8 [480, 640, 3] BGR, or uint8
        [32, 32].
    """
    rng = np.random.default_rng(seed)
    pictures = [_PICTURE[kind](picture) for picture in _scenes(min(frames, _SCENES), rng)]
    shown = [pictures[number % len(pictures)] for number in range(frames)]
    image_type = messages.COMPRESSED_IMAGE if kind == "jpeg" else messages.IMAGE
    images = [_Template(messages.encode(_message(kind, picture), image_type)) for picture in pictures]
    unknown = np.zeros(len(_JOINT_NAMES))
    joints = _Template(messages.encode_joint_state(0, _JOINT_NAMES, unknown, unknown, unknown))
    with BagWriter(path) as writer:
        session = Session("bench", "", "", "", Roles({"camera": CAMERA}, JOINTS, {}, _EPISODE))
        writer.set_custom_data("recorder/session", session.to_json())
        for topic, name in ((CAMERA, image_type), (JOINTS, messages.JOINT_STATE), (_EPISODE, messages.STRING)):
            writer.add_topic(topic, name)
        start = EpisodeEvent(f"00000000-0000-4000-8000-{seed:012d}", _SECOND, "start", f"mug_{seed:04d}", "mug")
        writer.write(_EPISODE, _SECOND, _SECOND, messages.encode_string(start.to_json()))
        for stamp_ns, number in _in_time(frames, joint_hz):
            if number is None:
                positions = np.sin(np.arange(len(_JOINT_NAMES)) + stamp_ns / _SECOND)
                writer.write(JOINTS, stamp_ns, stamp_ns, joints.at(stamp_ns, positions))
            else:
                writer.write(CAMERA, stamp_ns, stamp_ns, images[number % len(images)].at(stamp_ns))
    return shown


class _Template:
    """A message that is encoded once, because encoding a million takes half a minute."""

    def __init__(self, cdr: bytes) -> None:
        self._cdr = bytearray(cdr)
        layout = JointLayout.of(cdr, partial(messages.decode, messages.JOINT_STATE))
        self._values_at = layout.places[0] if layout else 0

    def at(self, stamp_ns: int, positions: NDArray[np.float64] | None = None) -> bytes:
        """The message with another stamp, and with other positions if it is a JointState."""
        struct.pack_into("<iI", self._cdr, 4, *divmod(stamp_ns, _SECOND))
        if positions is not None:
            self._cdr[self._values_at : self._values_at + positions.nbytes] = positions.tobytes()
        return bytes(self._cdr)


def _in_time(frames: int, joint_hz: int) -> Iterator[tuple[int, int | None]]:
    """Stamps of joint states (None) and frames, in order. Joint states come before the first and after the last."""
    joint = 0
    for number in range(frames):
        stamp_ns = _SECOND + number * _SECOND // _CAMERA_HZ + _SECOND // 200
        while _SECOND + joint * _SECOND // joint_hz < stamp_ns:
            yield _SECOND + joint * _SECOND // joint_hz, None
            joint += 1
        yield stamp_ns, number
    for more in range(max(2, joint_hz // 5)):
        yield _SECOND + (joint + more) * _SECOND // joint_hz, None


def _scenes(count: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Pictures BGR with smooth areas and fine noise, moving from one to the next."""
    wide = (WIDTH + 2 * count, HEIGHT + count)
    ground = cv2.resize(rng.integers(0, 255, (12, 16, 3), np.uint8), wide, interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(0, 12, (HEIGHT, WIDTH, 3), np.uint8)
    for number in range(count):
        part = ground[number : number + HEIGHT, 2 * number : 2 * number + WIDTH]
        yield np.asarray(cv2.add(part, noise), np.uint8)


def _jpeg(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], np.uint8).ravel()


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    gray = cv2.cvtColor(picture[:, :HEIGHT], cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(gray, (SMALL, SMALL), interpolation=cv2.INTER_AREA), np.uint8)


_PICTURE: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "jpeg": _jpeg,
    "raw": lambda picture: picture,
    "small": _small,
}


def _message(kind: str, picture: NDArray[np.uint8]) -> Any:
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=0, nanosec=0)
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera_optical_frame")
    if kind == "jpeg":
        return types[messages.COMPRESSED_IMAGE](header=header, format="bgr8; jpeg compressed bgr8", data=picture)
    height, width = picture.shape[:2]
    form: dict[str, Any] = {"height": height, "width": width, "is_bigendian": 0, "step": picture.nbytes // height}
    encoding = "bgr8" if kind == "raw" else "mono8"
    return types[messages.IMAGE](header=header, data=picture.ravel(), encoding=encoding, **form)
