"""Reads the camera poses of a COLMAP sparse model from images.bin or, if that is missing, images.txt.

The format is in COLMAP's documentation (colmap.github.io/format.html), little endian. A pose is world-to-camera: first
the quaternion w x y z (Hamilton), then the translation. The camera looks along z, with x to the right and y down, like
our optical frame. A binary record is: image id (uint32), w x y z and x y z (float64), camera id (uint32), the name up
to a zero byte, the number of points (uint64), and 24 bytes for each point. The points are skipped; they are most of the
file.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError

BINARY, TEXT = "images.bin", "images.txt"
_COUNT = struct.Struct("<Q")
_RECORD = struct.Struct("<I7dI")
_POINT_BYTES = 24
_LONGEST_NAME = 4096
_FIELDS = 10

Pose = NDArray[np.float64]


def has_model(folder: Path) -> bool:
    """Whether the folder contains a sparse model with image poses."""
    return (folder / BINARY).is_file() or (folder / TEXT).is_file()


def read_camera_poses(folder: Path) -> dict[str, Pose]:
    """Read the pose [7] (x y z qx qy qz qw) of the world in the optical frame of each registered camera.

    Returns a dict from picture name to pose. Raises DataError if the model is missing or damaged.
    """
    binary, text = folder / BINARY, folder / TEXT
    if not has_model(folder):
        raise DataError(f"{folder} contains no COLMAP model (neither {BINARY} nor {TEXT}).")
    file = binary if binary.is_file() else text
    try:
        return _read_binary(binary) if file == binary else _read_text(text)
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}).") from error
    except (ValueError, struct.error) as error:
        raise DataError(f"{file} is damaged ({error}). Unpack it again.") from error


def _read_binary(file: Path) -> dict[str, Pose]:
    poses: dict[str, Pose] = {}
    with open(file, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        (count,) = _COUNT.unpack(stream.read(_COUNT.size))
        for _ in range(count):
            _, *pose, _ = _RECORD.unpack(stream.read(_RECORD.size))
            name = _read_name(stream)
            (points,) = _COUNT.unpack(stream.read(_COUNT.size))
            if points * _POINT_BYTES > size - stream.tell():
                raise ValueError(f"{name} has {points} points, more than fit into {size} bytes")
            stream.seek(points * _POINT_BYTES, os.SEEK_CUR)
            poses[name] = _pose(pose, name)
        if stream.tell() != size:
            raise ValueError(f"{size - stream.tell()} extra bytes after the last of {count} images")
    return poses


def _read_name(stream: BinaryIO) -> str:
    """Read the text up to a zero byte. Reads ahead, then moves the stream to the byte after the zero."""
    start = stream.tell()
    ahead = stream.read(_LONGEST_NAME)
    end = ahead.find(b"\0")
    if end < 1:
        raise ValueError("an image without a name")
    stream.seek(start + end + 1)
    return ahead[:end].decode()


def _read_text(file: Path) -> dict[str, Pose]:
    """Read two lines for each image: the pose, and the points (this line may be empty)."""
    poses: dict[str, Pose] = {}
    with open(file, encoding="utf-8") as stream:
        lines = (line.strip() for line in stream if not line.startswith("#"))
        for line in lines:
            if not line:
                continue
            fields = line.split(maxsplit=_FIELDS - 1)
            if len(fields) != _FIELDS:
                raise ValueError(f"a line of {len(fields)} fields, expected {_FIELDS}: {line[:40]!r}")
            name = fields[-1]
            poses[name] = _pose([float(value) for value in fields[1:8]], name)
            next(lines, "")
    return poses


def _pose(values: list[float], name: str) -> Pose:
    """The pose from w x y z and the translation. Raises ValueError if they are not a pose: the file is damaged."""
    w, x, y, z, *position = values
    quaternion = np.array([x, y, z, w])
    length = np.linalg.norm(quaternion)
    if not np.isfinite(values).all() or abs(length - 1) > 1e-3:
        raise ValueError(f"{name} has a quaternion of length {length:g}, expected 1")
    return np.array([*position, *(quaternion / length)])
