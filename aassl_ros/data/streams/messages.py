"""ROS 2 messages without ROS: definitions, CDR encoding and decoding, and conversion to arrays.

The conversions accept messages of rclpy and of rosbags: both have the field names of the .msg files.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from aassl_ros.data.streams.compressed_images import decode_compressed
from aassl_ros.data.streams.images import decode_image
from aassl_ros.data.streams.joint_state_cdr import encode_joint_state as encode_joint_state
from aassl_ros.errors import BagError, DataError
from aassl_ros.motion.trajectory import Trajectory

JOINT_STATE = "sensor_msgs/msg/JointState"
JOINT_TRAJECTORY = "trajectory_msgs/msg/JointTrajectory"
STRING = "std_msgs/msg/String"
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"

NANOSECONDS = 1_000_000_000
_STAMP, _BIG_ENDIAN_STAMP = struct.Struct("<iI"), struct.Struct(">iI")


@lru_cache(maxsize=1)
def typestore() -> Typestore:
    """The message types known to this process. `register` adds types."""
    return get_typestore(Stores.LATEST)


def register(msgtype: str, definition: str) -> None:
    """Register a message type from its .msg text, followed by the types of its fields, as in bags."""
    store = typestore()
    if msgtype not in store.fielddefs:
        found = get_types_from_msg(definition, msgtype)
        store.register({name: fields for name, fields in found.items() if name not in store.fielddefs})


@lru_cache(maxsize=1024)
def definition(msgtype: str) -> tuple[str, str]:
    """The full .msg text of a type and its hash (RIHS01), from the standard types or a package on AMENT_PREFIX_PATH.

    Raises BagError if the type is not found.
    """
    store = typestore()
    if msgtype not in store.fielddefs:
        _register_installed(msgtype)
    return store.generate_msgdef(msgtype, ros_version=2)[0], store.hash_rihs01(msgtype)


def _register_installed(msgtype: str) -> None:
    package, _, name = msgtype.partition("/msg/")
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        path = Path(prefix) / "share" / package / "msg" / f"{name}.msg"
        if prefix and path.is_file():
            store = typestore()
            found = get_types_from_msg(path.read_text(encoding="utf-8"), msgtype)
            store.register(found)
            for needed in _types_in(found):
                if needed not in store.fielddefs:
                    _register_installed(needed)
            return
    raise BagError(f"Message type {msgtype} has no definition. Source the workspace that contains its package.")


def _types_in(fielddefs: Any) -> set[str]:
    """Names of the message types in fields, also in arrays."""
    names: set[str] = set()

    def visit(description: Any) -> None:
        if isinstance(description, str) and "/msg/" in description:
            names.add(description)
        elif isinstance(description, (tuple, list)):
            for part in description:
                visit(part)

    for _, fields in fielddefs.values():
        for field in fields:
            visit(field[1])
    return names


def decode(msgtype: str, cdr: bytes | memoryview) -> Any:
    """Decode a message from CDR. Raises DataError if the type is unknown or the bytes are not of that type."""
    try:
        return typestore().deserialize_cdr(cdr, msgtype)
    except KeyError as error:
        raise DataError(f"Message type {msgtype} is unknown.") from error
    except Exception as error:  # the generated readers raise whatever slicing and unpacking raise
        raise DataError(f"A message of {len(cdr)} bytes is not a {msgtype}: {error}.") from error


def encode(message: Any, msgtype: str) -> bytes:
    """Encode a rosbags message to CDR."""
    return bytes(typestore().serialize_cdr(message, msgtype))


def encode_string(text: str) -> bytes:
    """Encode a std_msgs/String to CDR."""
    return encode(typestore().types[STRING](data=text), STRING)


def header_stamp_ns(cdr: bytes) -> int:
    """Read the stamp of a CDR message whose first field is a std_msgs/Header, without decoding the rest.

    Args:
        cdr: the encoded message.

    Returns:
        The stamp, ns.

    Raises:
        DataError: the message is too short.
    """
    try:
        seconds, nanoseconds = (_STAMP if cdr[1] & 1 else _BIG_ENDIAN_STAMP).unpack_from(cdr, 4)
    except (struct.error, IndexError) as error:
        raise DataError(f"A message of {len(cdr)} bytes is too short to contain a stamp.") from error
    return seconds * NANOSECONDS + nanoseconds  # type: ignore[no-any-return]


def has_header(msgtype: str) -> bool:
    """Whether the first field of a type is a std_msgs/Header. An unknown type has none."""
    known: Any = typestore().fielddefs.get(msgtype)
    return bool(known and known[1]) and known[1][0][1][1] == "std_msgs/msg/Header"


class ImageForm(NamedTuple):
    """The fields of a sensor_msgs/Image that say how its pixels are stored. size: bytes of its data."""

    height: int
    width: int
    encoding: str
    step: int
    size: int


def image_form(cdr: bytes) -> ImageForm:
    """Read the form of a sensor_msgs/Image without decoding its pixels. Raises DataError."""
    order = "<" if len(cdr) > 1 and cdr[1] & 1 else ">"
    try:
        place = _after_header(cdr, order)
        height, width = struct.unpack_from(order + "II", cdr, place)
        encoding, place = _string_at(cdr, place + 8, order)
        # Offsets count from byte 4. A byte (is_bigendian) follows the encoding, then integers at multiples of four.
        step, size = struct.unpack_from(order + "II", cdr, _aligned(place + 1))
    except (struct.error, UnicodeDecodeError) as error:
        raise DataError(f"A message of {len(cdr)} bytes is not a sensor_msgs/Image.") from error
    return ImageForm(height, width, encoding, step, size)


def compressed_form(cdr: bytes) -> str:
    """Read the format of a sensor_msgs/CompressedImage without its picture. Raises DataError."""
    order = "<" if len(cdr) > 1 and cdr[1] & 1 else ">"
    try:
        return _string_at(cdr, _after_header(cdr, order), order)[0]
    except (struct.error, UnicodeDecodeError) as error:
        raise DataError(f"A message of {len(cdr)} bytes is not a sensor_msgs/CompressedImage.") from error


def frame_id(cdr: bytes) -> str:
    """Read the frame of a CDR message whose first field is a std_msgs/Header. Raises DataError."""
    order = "<" if len(cdr) > 1 and cdr[1] & 1 else ">"
    try:
        return _string_at(cdr, 12, order)[0]
    except (struct.error, UnicodeDecodeError) as error:
        raise DataError(f"A message of {len(cdr)} bytes is too short to contain a header.") from error


def _after_header(cdr: bytes, order: str) -> int:
    """The first multiple of four after a std_msgs/Header at the message's start."""
    return _aligned(_string_at(cdr, 12, order)[1])


def _string_at(cdr: bytes, place: int, order: str) -> tuple[str, int]:
    """A string and the place after it."""
    (length,) = struct.unpack_from(order + "I", cdr, place)
    end = place + 4 + length
    if end > len(cdr):
        raise struct.error("a string is longer than the message")
    return bytes(cdr[place + 4 : end]).rstrip(b"\0").decode(), end


def _aligned(place: int) -> int:
    """The next multiple of four; the four bytes of the encapsulation header keep offsets in step."""
    return (place + 3) // 4 * 4


def stamp_ns(stamp: Any) -> int:
    """Convert a Time or Duration message to integer nanoseconds.

    Args:
        stamp: with `sec` and `nanosec`, from rclpy or from a bag.
    """
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def joint_arrays(
    message: Any,
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Names, positions, velocities and efforts of a JointState. Arrays are float64 [J], or [0] if they are missing."""
    values = (np.array(column, np.float64) for column in (message.position, message.velocity, message.effort))
    position, velocity, effort = values
    return tuple(message.name), position, velocity, effort


def frame_from_message(message: Any) -> NDArray[np.uint8]:
    """Decode an Image or CompressedImage message.

    Args:
        message: of rclpy or rosbags.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        DataError: the picture cannot be decoded.
    """
    if hasattr(message, "format"):
        return decode_compressed(message.format, message.data)
    return decode_image(
        message.encoding, message.height, message.width, message.step, bool(message.is_bigendian), message.data
    )


def pose_from_message(message: Any) -> NDArray[np.float64]:
    """Convert a PoseStamped message to an array.

    Args:
        message: of rclpy or of a bag.

    Returns:
        float64 [7]: x y z in metres, then the quaternion x y z w, in the frame of the message's header.
    """
    position, turn = message.pose.position, message.pose.orientation
    return np.array([position.x, position.y, position.z, turn.x, turn.y, turn.z, turn.w], np.float64)


def trajectory_from_message(message: Any) -> Trajectory:
    """Convert a trajectory_msgs/JointTrajectory message.

    Args:
        message: of rclpy or rosbags.

    Returns:
        The trajectory. Stamp 0 means "from its receipt on". Velocities are used only if every point has them.

    Raises:
        TrajectoryError: the trajectory is invalid.
    """
    points = list(message.points)
    velocities = None
    if points and all(len(point.velocities) > 0 for point in points):
        velocities = _rows([point.velocities for point in points])
    return Trajectory(
        joint_names=tuple(message.joint_names),
        stamp_ns=stamp_ns(message.header.stamp),
        times_ns=np.array([stamp_ns(point.time_from_start) for point in points], np.int64),
        positions=_rows([point.positions for point in points]),
        velocities=velocities,
    )


def _rows(rows: Sequence[Any]) -> NDArray[np.float64]:
    """Stack rows of equal length to float64 [P, J]. A row of another length becomes NaN, which Trajectory refuses."""
    width = len(rows[0]) if rows else 0
    table = np.full((len(rows), width), np.nan)
    for index, row in enumerate(rows):
        if len(row) == width:
            table[index] = row
    return table
