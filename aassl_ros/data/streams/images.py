"""Decodes ROS images to uint8 [H, W, 3] RGB, and crops and resizes them to the square input of training.

`prepare`, the trainer and the evaluator all use `to_square`, so that encoders always get the same kind of frames.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.streams.encodings import find_encoding, find_layout, take_rows
from aassl_ros.errors import DataError

Image = NDArray[np.uint8]


def decode_image(encoding: str, height: int, width: int, step: int, is_bigendian: bool, data: Any) -> Image:
    """Decode a sensor_msgs/Image. Of 16-bit channels the upper 8 bits are used.

    Args:
        encoding: the encoding, such as "rgb8".
        height: pixels.
        width: pixels.
        step: bytes per row, with padding; see `find_layout` for wrong ones.
        is_bigendian: byte order of 16-bit channels.
        data: a buffer of height * step bytes (bytes, array or ndarray of uint8); more rows may follow.

    Returns:
        uint8 [height, width, 3], RGB; for rgb8 it may share memory with `data`.

    Raises:
        DataError: the encoding is unknown, the image is empty, or size and step do not fit the data.
    """
    form = find_encoding(encoding)
    flat = np.frombuffer(data, np.uint8)
    layout = find_layout(encoding, height, width, step, flat.size)
    rows = take_rows(encoding, layout, width, flat)
    if form.item_bytes == 2:
        rows = rows.reshape(layout.rows, width * form.channels, 2)[:, :, 0 if is_bigendian else 1]
    if encoding == "nv24":
        rows = _halve_colour(rows, height)
    pixels = rows if form.channels == 1 else rows.reshape(layout.rows, width, form.channels)
    if form.conversion is None:
        return pixels
    try:
        return _uint8(cv2.cvtColor(np.ascontiguousarray(pixels), form.conversion))
    except cv2.error as error:
        raise DataError(f"An image of {width} x {height} cannot be read as {encoding}: its size is odd.") from error


def to_square(image: Image, size: int) -> Image:
    """Crop the centre square of an image and resize it.

    Reduction uses area averaging, so that thin lines do not vanish; enlargement is linear.

    Args:
        image: uint8 [H, W, 3].
        size: width and height of the result, pixels.

    Returns:
        uint8 [size, size, 3], always a copy.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == size:
        return square.copy()
    way = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return _uint8(cv2.resize(square, (size, size), interpolation=way))


def _halve_colour(rows: Image, height: int) -> Image:
    """nv24 to nv12: the colour of each second pixel and row."""
    width = rows.shape[1]
    colour = rows[height:].reshape(height, width, 2)[::2, ::2]
    return np.concatenate([rows[:height], colour.reshape(height // 2, width)])


def _uint8(array: Any) -> Image:
    return np.asarray(array, np.uint8)
