"""Decodes images directly to the square input of training, as fast as possible.

The pixels are those of `frame_from_message` followed by `to_square`, but JPEG is decoded at half, quarter or eighth
size if that is enough, see `jpeg_reduction`.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import cv2
import numpy as np

from aassl_ros.data.streams.compressed_images import decode_compressed
from aassl_ros.data.streams.encodings import find_encoding, find_layout, take_rows
from aassl_ros.data.streams.images import Image, decode_image, to_square

# Of this kind each channel is resized alone, so colours can be converted after the resizing, of fewer pixels.
_PLAIN = ("rgb8", "bgr8", "rgba8", "bgra8", "mono8", "8UC1")
# Decoding at a part of the size is allowed if the shorter side stays at least so many times the training size. At 3
# times, frames differ by less than one level of 255 on average from those decoded in full (docs/prepare.md).
_ENOUGH = 3
_SOI, _START_OF_FRAME = b"\xff\xd8", {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
"""OpenCV's flag for each reduction of `jpeg_reduction`."""


class Square(NamedTuple):
    """A picture at training size, uint8 [S, S, 3], and its original height and width."""

    pixels: Image
    size: tuple[int, ...]


def square_from_message(message: Any, size: int) -> Square:
    """Decode an Image or CompressedImage message to the square input of training.

    Args:
        message: of rclpy or rosbags.
        size: width and height of the result, pixels.

    Returns:
        The square, RGB.

    Raises:
        DataError: the picture cannot be decoded.
    """
    if hasattr(message, "format"):
        return _square_of_compressed(message.format, message.data, size)
    if message.encoding in _PLAIN and message.height and message.width:
        return _square_of_plain(message, size)
    form = message.encoding, message.height, message.width, message.step, bool(message.is_bigendian)
    image = decode_image(*form, message.data)
    return Square(to_square(image, size), image.shape[:2])


def _square_of_plain(message: Any, size: int) -> Square:
    encoding, height, width = message.encoding, message.height, message.width
    flat = np.frombuffer(message.data, np.uint8)
    rows = take_rows(encoding, find_layout(encoding, height, width, message.step, flat.size), width, flat)
    form = find_encoding(encoding)
    square = to_square(rows if form.channels == 1 else rows.reshape(height, width, form.channels), size)
    if form.conversion is not None:
        square = np.asarray(cv2.cvtColor(square, form.conversion), np.uint8)
    return Square(square, (height, width))


def _square_of_compressed(format: str, data: Any, size: int) -> Square:
    flat = np.frombuffer(data, np.uint8)
    original = None if format.startswith("bayer_") else jpeg_size(flat)
    reduction = 1 if original is None else jpeg_reduction(original, size)
    if original is None or reduction == 1:
        image = decode_compressed(format, data)
        return Square(to_square(image, size), image.shape[:2])
    image = decode_compressed(format, data, flags=REDUCED[reduction])
    return Square(to_square(image, size), turned_size(original, image))


def turned_size(original: tuple[int, int], image: Image) -> tuple[int, int]:
    """The height and width of a picture after EXIF may have turned it.

    Args:
        original: height and width in its header.
        image: uint8 [h, w, 3], as it was decoded, perhaps reduced.
    """
    turned = (image.shape[0] < image.shape[1]) != (original[0] < original[1])
    return original[::-1] if turned else original


def jpeg_reduction(original: tuple[int, int], size: int) -> int:
    """By how much a JPEG picture may be reduced while it is decoded: 1, 2, 4 or 8.

    Args:
        original: its height and width, pixels.
        size: width and height of the frame that is made of it.
    """
    return next((factor for factor in (8, 4, 2) if min(original) >= _ENOUGH * factor * size), 1)


def jpeg_size(flat: Image) -> tuple[int, int] | None:
    """Height and width of a JPEG picture from its header; None if it is not JPEG or has no such header.

    Args:
        flat: uint8, the bytes of the file.
    """
    data = flat.data
    if bytes(data[:2]) != _SOI:
        return None
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        kind = data[place + 1]
        if kind == 0xFF:  # a fill byte
            place += 1
        elif kind in _WITHOUT_LENGTH:
            place += 2
        elif kind in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return (height, width) if height and width else None
        else:
            place += 2 + max(2, struct.unpack_from(">H", data, place + 2)[0])
    return None
