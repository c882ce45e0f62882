"""Decodes ROS images to uint8 [H, W, 3] RGB, and crops and resizes them to the square input of training.

`prepare`, the trainer and the evaluator all use `to_square`, so that encoders always get the same kind of frames.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError

Image = NDArray[np.uint8]

# Encoding -> (channels, bytes per channel, OpenCV conversion to RGB or None). OpenCV names a Bayer pattern by its
# second row, ROS by its first row, so RGGB is BG in OpenCV.
_ENCODINGS: dict[str, tuple[int, int, int | None]] = {
    "rgb8": (3, 1, None),
    "bgr8": (3, 1, cv2.COLOR_BGR2RGB),
    "rgba8": (4, 1, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, 1, cv2.COLOR_BGRA2RGB),
    "mono8": (1, 1, cv2.COLOR_GRAY2RGB),
    "mono16": (1, 2, cv2.COLOR_GRAY2RGB),
    "bayer_rggb8": (1, 1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": (1, 1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": (1, 1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": (1, 1, cv2.COLOR_BayerGB2RGB),
    "bayer_rggb16": (1, 2, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr16": (1, 2, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg16": (1, 2, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg16": (1, 2, cv2.COLOR_BayerGB2RGB),
    "yuv422": (2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (2, 1, cv2.COLOR_YUV2RGB_YUY2),
}


def is_known_encoding(encoding: str) -> bool:
    """Whether `decode_image` can read images of this encoding."""
    return encoding in _ENCODINGS


def decode_image(encoding: str, height: int, width: int, step: int, is_bigendian: bool, data: Any) -> Image:
    """Decode a sensor_msgs/Image. Of 16-bit channels the upper 8 bits are used.

    Args:
        encoding: the encoding, such as "rgb8".
        height: pixels.
        width: pixels.
        step: bytes per row, with padding.
        is_bigendian: byte order of 16-bit channels.
        data: a buffer of height * step bytes (bytes, array or ndarray of uint8).

    Returns:
        uint8 [height, width, 3], RGB; for rgb8 it may share memory with `data`.

    Raises:
        DataError: the encoding is unknown, the image is empty, or the data are too short.
    """
    if encoding not in _ENCODINGS:
        known = ", ".join(_ENCODINGS)
        raise DataError(f"An image has encoding {encoding!r}, expected one of {known}. Set another one in the driver.")
    channels, item_bytes, conversion = _ENCODINGS[encoding]
    flat = np.frombuffer(data, np.uint8)
    row_bytes = width * channels * item_bytes
    if height < 1 or width < 1:
        raise DataError(f"An image has {width} x {height} pixels: it is empty.")
    if step < row_bytes or flat.size < height * step:
        raise DataError(
            f"An image of {width} x {height} {encoding} has {flat.size} bytes in rows of {step}, "
            f"expected {height} rows of at least {row_bytes}."
        )
    rows = flat[: height * step].reshape(height, step)[:, :row_bytes]
    if item_bytes == 2:
        rows = rows.reshape(height, width * channels, 2)[:, :, 0 if is_bigendian else 1]
    pixels = rows.reshape(height, width) if channels == 1 else rows.reshape(height, width, channels)
    if conversion is None:
        return pixels
    try:
        return _uint8(cv2.cvtColor(np.ascontiguousarray(pixels), conversion))
    except cv2.error as error:
        raise DataError(f"An image of {width} x {height} cannot be read as {encoding}: its size is odd.") from error


def decode_compressed(format: str, data: Any) -> Image:
    """Decode a sensor_msgs/CompressedImage (JPEG, PNG and other formats of OpenCV).

    Args:
        format: the format in the message, for error messages.
        data: the bytes of the picture file.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        DataError: the data are damaged, depth values, or of an unknown format.
    """
    if "compressedDepth" in format:
        raise DataError(f"A compressed image has format {format!r}: it contains depth, expected a colour picture.")
    flat = np.frombuffer(data, np.uint8)
    bgr = cv2.imdecode(flat, cv2.IMREAD_COLOR) if flat.size else None
    if bgr is None:
        raise DataError(f"A compressed image ({format!r}, {flat.size} bytes) is damaged or of an unknown format.")
    return _uint8(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


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


def _uint8(array: Any) -> Image:
    return np.asarray(array, np.uint8)
