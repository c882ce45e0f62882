"""Pictures, joint states and commands as ROS messages in CDR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.streams import messages
from aassl_ros.errors import DataError

FORMS = ("jpeg", "png", "raw")
_JPEG_QUALITY = 95


def picture_type(form: str) -> str:
    """The message type of pictures: form is one of FORMS."""
    return messages.IMAGE if form == "raw" else messages.COMPRESSED_IMAGE


def encode_picture(stamp_ns: int, frame_id: str, picture: NDArray[np.uint8], form: str) -> bytes:
    """Encode a picture to CDR.

    Args:
        stamp_ns: its stamp, ns.
        frame_id: of its header.
        picture: uint8 [H, W, 3] RGB.
        form: "raw" (an Image, rgb8), "jpeg" or "png" (a CompressedImage).

    Raises:
        DataError: OpenCV cannot encode it.
    """
    types = messages.typestore().types
    header = _header(stamp_ns, frame_id)
    height, width = picture.shape[:2]
    if form == "raw":
        flat = np.ascontiguousarray(picture).reshape(-1)
        return messages.encode(
            types[messages.IMAGE](
                header=header, height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width, data=flat
            ),
            messages.IMAGE,
        )
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if form == "jpeg" else []
    made, data = cv2.imencode(f".{form}", picture[:, :, ::-1], options)
    if not made:
        raise DataError(f"A picture of {width} x {height} cannot be written as {form}.")
    message = types[messages.COMPRESSED_IMAGE](header=header, format=f"rgb8; {form} compressed bgr8", data=data.ravel())
    return messages.encode(message, messages.COMPRESSED_IMAGE)


def encode_target(stamp_ns: int, names: Sequence[str], positions: NDArray[np.float64]) -> bytes:
    """Encode a command to be at `positions` (rad or m) from this stamp on, as a JointTrajectory of one point."""
    types = messages.typestore().types
    nothing = np.zeros(0)
    point = types["trajectory_msgs/msg/JointTrajectoryPoint"](
        positions=np.asarray(positions, np.float64),
        velocities=nothing,
        accelerations=nothing,
        effort=nothing,
        time_from_start=types["builtin_interfaces/msg/Duration"](sec=0, nanosec=0),
    )
    message = types[messages.JOINT_TRAJECTORY](header=_header(stamp_ns, ""), joint_names=list(names), points=[point])
    return messages.encode(message, messages.JOINT_TRAJECTORY)


def _header(stamp_ns: int, frame_id: str) -> Any:
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](
        sec=stamp_ns // messages.NANOSECONDS, nanosec=stamp_ns % messages.NANOSECONDS
    )
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)
