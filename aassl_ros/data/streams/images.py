"""Pictures as they come over ROS made uint8 [H, W, 3] RGB, and made the square that training and recognition see.

`to_square` is the one way from a camera's frame to what an encoder is given; prepare, trainer and evaluator call it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError

Image = NDArray[np.uint8]

# Encoding -> (channels, bytes a channel, OpenCV conversion to RGB or None). OpenCV names a Bayer pattern by its second
# row, ROS by its first, hence RGGB is OpenCV's BG.
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
    """The picture of a sensor_msgs/Image: uint8 [height, width, 3] RGB; 16 bits keep their upper 8.

    step: bytes a row, padding included. data: any buffer of height * step bytes (bytes, array, ndarray of uint8).
    The answer may share memory with `data` where the image is rgb8. Raises DataError on an unknown encoding, an empty
    image or data too short for its size.
    """
    if encoding not in _ENCODINGS:
        known = ", ".join(_ENCODINGS)
        raise DataError(f"An image has encoding {encoding!r}, expected one of {known}: let the driver convert it.")
    channels, item_bytes, conversion = _ENCODINGS[encoding]
    flat = np.frombuffer(data, np.uint8)
    row_bytes = width * channels * item_bytes
    if height < 1 or width < 1:
        raise DataError(f"An image is {width} x {height} pixels: it holds no picture.")
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
    """The picture of a sensor_msgs/CompressedImage (JPEG, PNG and what else OpenCV reads): uint8 [H, W, 3] RGB.

    format: as the message gives it, for the error alone. Raises DataError if no picture can be read from it.
    """
    if "compressedDepth" in format:
        raise DataError(f"A compressed image has format {format!r}: it holds depth, expected a picture.")
    flat = np.frombuffer(data, np.uint8)
    bgr = cv2.imdecode(flat, cv2.IMREAD_COLOR) if flat.size else None
    if bgr is None:
        raise DataError(f"A compressed image of format {format!r} and {flat.size} bytes is damaged or of unknown kind.")
    return _uint8(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def to_square(image: Image, size: int) -> Image:
    """The centre square of an image at `size` pixels: uint8 [H, W, 3] to uint8 [size, size, 3], a copy of its own.

    Shrunk by area, so that no line of a large image falls between pixels; enlarged linearly.
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
