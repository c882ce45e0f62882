"""Makes a small JPEG of a camera message, as the page shows it."""

from __future__ import annotations

import cv2
import numpy as np

from aassl_ros.data.streams import messages
from aassl_ros.errors import DataError

# A picture of a driver that is not larger is passed on as it is.
_LARGE_BYTES = 150_000


def jpeg_of(cdr: bytes, *, compressed: bool, quality: int, width: int) -> bytes:
    """Return a JPEG of a camera's message.

    Args:
        cdr: a sensor_msgs/Image, or a sensor_msgs/CompressedImage.
        compressed: which of both it is. A small JPEG is passed on without decoding it.
        quality: of the JPEG, 1 to 100.
        width: wider pictures are reduced to this width, pixels.

    Raises:
        DataError: the message is damaged, or its encoding is unknown.
    """
    # A view: decoding bytes copies them.
    message = messages.decode(messages.COMPRESSED_IMAGE if compressed else messages.IMAGE, memoryview(cdr))
    if compressed and len(message.data) <= _LARGE_BYTES and "bayer" not in message.format:
        data = bytes(message.data)
        if data.startswith(b"\xff\xd8") and b"\xff\xd9" in data[-64:]:
            return data
    frame = messages.frame_from_message(message)
    if frame.shape[1] > width:
        height = max(1, round(frame.shape[0] * width / frame.shape[1]))
        frame = np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [int(cv2.IMWRITE_JPEG_QUALITY), quality]
    )
    if not done:
        raise DataError(f"OpenCV cannot encode a picture of {frame.shape[1]} x {frame.shape[0]} as JPEG.")
    return bytes(encoded)
