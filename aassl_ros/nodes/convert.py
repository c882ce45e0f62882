"""ROS messages to the arrays that everything below nodes/ works on, and back. Encodings end here."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.data.images import decode_compressed, decode_image
from aassl_ros.motion.trajectory import Trajectory

NANOSECONDS = 1_000_000_000


def stamp_ns(stamp: Any) -> int:
    """A Time or Duration message as integer nanoseconds."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def time_message(time_ns: int) -> Time:
    """Integer nanoseconds as a Time message."""
    return Time(sec=time_ns // NANOSECONDS, nanosec=time_ns % NANOSECONDS)


def frame_from_message(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """The picture of a camera message, uint8 [H, W, 3] RGB. Raises DataError on an unknown encoding or length."""
    data = np.frombuffer(message.data, dtype=np.uint8)
    if isinstance(message, CompressedImage):
        return decode_compressed(message.format, data)
    return decode_image(message.encoding, message.height, message.width, message.step, bool(message.is_bigendian), data)


def image_message(frame: NDArray[np.uint8], header: Header) -> Image:
    """An rgb8 Image of a frame, uint8 [H, W, 3] RGB."""
    height, width = frame.shape[:2]
    message = Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width)
    # An ndarray would be copied element by element (40 ms for 640x480); an array.array is taken as it is.
    message.data = array.array("B", np.ascontiguousarray(frame).tobytes())
    return message


def joint_arrays(
    message: JointState,
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Names, and positions, velocities, efforts of a JointState: each float64 [J], or [0] where left out."""
    return (
        tuple(message.name),
        np.array(message.position, dtype=np.float64),
        np.array(message.velocity, dtype=np.float64),
        np.array(message.effort, dtype=np.float64),
    )


def trajectory_from_message(message: JointTrajectory) -> Trajectory:
    """A JointTrajectory as motion.trajectory.Trajectory; its stamp is 0 where the sender left it to the receipt.

    Velocities are taken only where every point has them. Raises TrajectoryError where it cannot be followed.
    """
    points = message.points
    velocities = None
    if points and all(len(point.velocities) > 0 for point in points):
        velocities = _rows([point.velocities for point in points])
    return Trajectory(
        joint_names=tuple(message.joint_names),
        stamp_ns=stamp_ns(message.header.stamp),
        times_ns=np.array([stamp_ns(point.time_from_start) for point in points], dtype=np.int64),
        positions=_rows([point.positions for point in points]),
        velocities=velocities,
    )


def pose_from_message(message: PoseStamped) -> NDArray[np.float64]:
    """A pose as float64 [7]: x y z in metres, then the quaternion x y z w."""
    position, turn = message.pose.position, message.pose.orientation
    return np.array([position.x, position.y, position.z, turn.x, turn.y, turn.z, turn.w], dtype=np.float64)


def _rows(rows: list[Any]) -> NDArray[np.float64]:
    """Rows of one width as float64 [P, J]; a row of another width leaves NaN, which Trajectory refuses."""
    width = len(rows[0]) if rows else 0
    table = np.full((len(rows), width), np.nan)
    for index, row in enumerate(rows):
        if len(row) == width:
            table[index] = row
    return table
