"""Makes a small JPEG of a camera message, as the page shows it."""

from __future__ import annotations

from aassl_ros.data.pictures.small_jpeg import small_jpeg
from aassl_ros.data.streams import messages

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
    return small_jpeg(messages.frame_from_message(message), width=width, quality=quality)
