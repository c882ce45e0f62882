"""The messages of a synthetic robot: cameras and joint states as CDR, encoded once and sent with new stamps."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from aassl_ros.data.streams import messages
from aassl_ros.errors import ConfigError

JOINTS = "/joint_states"
_ARM = tuple(f"joint_{number}" for number in range(1, 8))
# After the four bytes of encapsulation, every message with a header begins with its stamp.
_STAMP_AT = 4
_RECORD = struct.Struct("<Bq")


@dataclass(frozen=True)
class Load:
    """What the robot sends. jpeg: compressed images instead of raw ones. Rates are in Hz, 0 joint_hz: no joints.

    variants: number of different messages of each topic, sent in turn; with 2 or more, the arm moves and the pictures
    differ.
    """

    cameras: int = 2
    width: int = 640
    height: int = 480
    camera_hz: float = 30.0
    joint_hz: float = 500.0
    jpeg: bool = False
    variants: int = 1

    def __post_init__(self) -> None:
        if min(self.cameras, self.width, self.height, self.camera_hz, self.variants) <= 0 or self.joint_hz < 0:
            raise ConfigError(f"a load of {self} cannot be sent: expected cameras, sizes, rates and variants above 0.")

    def to_text(self) -> str:
        """As JSON, for the command line of the process that sends it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Load:
        """Read what `to_text` made. Raises ConfigError."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"load = {text}, expected its JSON object ({error}).") from error

    @property
    def camera_topics(self) -> tuple[str, ...]:
        """The topic of each camera's images."""
        return tuple(f"/camera_{n}/image_raw{'/compressed' if self.jpeg else ''}" for n in range(self.cameras))


def to_line(sent: dict[str, object]) -> str:
    """What was sent, as one line of JSON for the process that reads it."""
    return json.dumps(sent)


@dataclass
class Stream:
    """The messages of one topic. data: them as CDR, sent in turn; count: of messages sent."""

    topic: str
    type: str
    rate_hz: float
    data: list[bytearray] = field(repr=False)
    count: int = 0

    def stamped(self, stamp_ns: int) -> bytes:
        """The next message, with this stamp, ns."""
        data = self.data[self.count % len(self.data)]
        struct.pack_into("<iI", data, _STAMP_AT, *divmod(stamp_ns, 1_000_000_000))
        return bytes(data)


def streams(load: Load) -> list[Stream]:
    """The streams of a load: smooth pictures with some noise, and joint states of seven joints."""
    found = [_camera(load, number, topic) for number, topic in enumerate(load.camera_topics)]
    if load.joint_hz:
        # Joints turn at different rates, so that every pair of frames has its own action.
        angles = 2 * np.pi * np.arange(load.variants)[:, None] / load.variants * np.arange(1, 8)
        moved = np.linspace(-1, 1, 7) + 0.5 * np.sin(angles)
        still = np.zeros(7)
        data = [bytearray(messages.encode_joint_state(0, _ARM, position, still, still)) for position in moved]
        found.append(Stream(JOINTS, messages.JOINT_STATE, load.joint_hz, data))
    return found


def record_of(number: int, stamp_ns: int) -> bytes:
    """The record of one sent message in the file of stamps. number: of its stream."""
    return _RECORD.pack(number, stamp_ns)


def read_records(path: Path) -> Iterator[tuple[int, int]]:
    """Read the file of stamps: the number of the stream, and the stamp, ns."""
    data = path.read_bytes()
    yield from _RECORD.iter_unpack(data[: len(data) // _RECORD.size * _RECORD.size])


def _camera(load: Load, seed: int, topic: str) -> Stream:
    rng = np.random.default_rng(seed)
    kind = messages.COMPRESSED_IMAGE if load.jpeg else messages.IMAGE
    return Stream(topic, kind, load.camera_hz, [_image(load, rng) for _ in range(load.variants)])


def _image(load: Load, rng: np.random.Generator) -> bytearray:
    """One encoded picture."""
    coarse = rng.integers(0, 256, (load.height // 16 + 2, load.width // 16 + 2, 3), np.uint8)
    picture = cv2.resize(coarse, (load.width, load.height), interpolation=cv2.INTER_CUBIC)
    picture = cv2.add(picture, rng.integers(0, 8, picture.shape, np.uint8))
    types = messages.typestore().types
    header = types["std_msgs/msg/Header"](stamp=types["builtin_interfaces/msg/Time"](sec=0, nanosec=0), frame_id="")
    if load.jpeg:
        kind = messages.COMPRESSED_IMAGE
        encoded = cv2.imencode(".jpg", picture)[1].reshape(-1)
        message = types[kind](header=header, format="rgb8; jpeg compressed bgr8", data=encoded)
    else:
        kind = messages.IMAGE
        shape = {"height": load.height, "width": load.width, "step": 3 * load.width}
        message = types[kind](header=header, encoding="rgb8", is_bigendian=0, data=picture.reshape(-1), **shape)
    return bytearray(messages.encode(message, kind))
