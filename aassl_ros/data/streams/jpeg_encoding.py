"""Encodes a sensor_msgs/Image as a sensor_msgs/CompressedImage with a JPEG, as image_transport does."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from aassl_ros.data.streams import messages
from aassl_ros.data.streams.encodings import find_encoding, find_layout, take_rows
from aassl_ros.data.streams.images import Image, decode_image
from aassl_ros.errors import DataError

# What image_transport converts to bgr8 and names by its original encoding. Its subscribers convert back to that.
_COLOUR = ("rgb8", "bgr8", "rgba8", "bgra8")


def encode_jpeg(cdr: bytes, quality: int) -> bytes:
    """Encode an image message as JPEG.

    Colour becomes "rgb8; jpeg compressed bgr8". One channel, also a Bayer mosaic, becomes a gray JPEG, such as
    "mono8; jpeg compressed ". image_transport has no form for YUV: it is converted to "bgr8; jpeg compressed bgr8".

    Args:
        cdr: a sensor_msgs/Image.
        quality: of the JPEG, 1 to 100.

    Returns:
        A sensor_msgs/CompressedImage as CDR, with the same header.

    Raises:
        DataError: the message is damaged, its size does not fit, or JPEG cannot hold its encoding (16 bits, floats).
    """
    # A view, because decoding bytes copies them while no other thread of Python can run.
    message = messages.decode(messages.IMAGE, memoryview(cdr))
    name, pixels = _pixels(message)
    try:
        done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise _refused(message) from error
    if not done:
        raise _refused(message)
    compressed = messages.typestore().types[messages.COMPRESSED_IMAGE](
        header=message.header, format=name, data=np.asarray(data, np.uint8).reshape(-1)
    )
    return messages.encode(compressed, messages.COMPRESSED_IMAGE)


def _pixels(message: Any) -> tuple[str, Image]:
    """The format of the compressed message, and the pixels for OpenCV: [H, W] or [H, W, 3] BGR."""
    encoding, height, width = message.encoding, message.height, message.width
    form = find_encoding(encoding)
    if form.item_bytes != 1:
        raise DataError(f"An image has encoding {encoding!r} with 16 bits a channel, and JPEG holds 8.")
    flat = np.frombuffer(message.data, np.uint8)
    if form.rows == 1 and (form.channels == 1 or encoding == "bgr8"):
        rows = take_rows(encoding, find_layout(encoding, height, width, message.step, flat.size), width, flat)
        if form.channels == 1:
            return f"{encoding}; jpeg compressed ", rows
        return f"{encoding}; jpeg compressed bgr8", rows.reshape(height, width, 3)
    rgb = decode_image(encoding, height, width, message.step, bool(message.is_bigendian), flat)
    original = encoding if encoding in _COLOUR else "bgr8"
    return f"{original}; jpeg compressed bgr8", np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)


def _refused(message: Any) -> DataError:
    return DataError(f"OpenCV cannot encode an image of {message.width} x {message.height} {message.encoding} as JPEG.")
