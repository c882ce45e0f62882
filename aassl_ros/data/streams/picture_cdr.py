"""Decodes Image and CompressedImage messages from CDR, quickly if they are little-endian and whole.

The general decoder takes several times as long as resizing a small picture.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.streams.messages import COMPRESSED_IMAGE, IMAGE

_LITTLE_ENDIAN = b"\0\1"
_FRAME_AT = 12  # after encapsulation and stamp
_COUNT, _PAIR, _SHAPE = struct.Struct("<I"), struct.Struct("<II"), struct.Struct("<III")

Cdr = bytes | memoryview


class RawPicture(NamedTuple):
    """The fields of a sensor_msgs/Image. data: uint8, a view of the message."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: NDArray[np.uint8]


class CompressedPicture(NamedTuple):
    """The fields of a sensor_msgs/CompressedImage. data: uint8, a view of the message."""

    format: str
    data: NDArray[np.uint8]


class PictureDecoder:
    """Decodes the messages of one topic. The first one is decoded by the general decoder, too, and compared.

    Args:
        msgtype: of the messages.
        decode: the general decoder. It also decodes whatever is unusual, and raises DataError for what is damaged.
    """

    def __init__(self, msgtype: str, decode: Callable[[Cdr], Any]) -> None:
        self._decode = decode
        self._quick = {IMAGE: raw_picture, COMPRESSED_IMAGE: compressed_picture}.get(msgtype)
        self._checked = False

    def decode(self, cdr: Cdr) -> Any:
        """Decode a message. Returns an object with the fields of its type, at least those of the picture."""
        found = self._quick(cdr) if self._quick else None
        if found is not None and self._checked:
            return found
        message = self._decode(cdr)
        if found is not None:
            self._checked = all(np.array_equal(getattr(message, name), getattr(found, name)) for name in found._fields)
            self._quick = self._quick if self._checked else None
        return message


def raw_picture(cdr: Cdr) -> RawPicture | None:
    """Read a sensor_msgs/Image. Returns None if it is not little-endian or not whole."""
    try:
        place = _after_frame(cdr)
        height, width, length = _SHAPE.unpack_from(cdr, place)
        encoding = bytes(cdr[place + 12 : place + 12 + length])
        place += 12 + length
        step, size = _PAIR.unpack_from(cdr, _aligned(place + 1))
        data = _rest(cdr, _aligned(place + 1) + 8, size)
        if data is None or encoding[-1:] != b"\0":
            return None
        return RawPicture(height, width, encoding[:-1].decode(), cdr[place], step, data)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None


def compressed_picture(cdr: Cdr) -> CompressedPicture | None:
    """Read a sensor_msgs/CompressedImage. Returns None if it is not little-endian or not whole."""
    try:
        place = _after_frame(cdr)
        (length,) = _COUNT.unpack_from(cdr, place)
        form = bytes(cdr[place + 4 : place + 4 + length])
        place = _aligned(place + 4 + length)
        data = _rest(cdr, place + 4, _COUNT.unpack_from(cdr, place)[0])
        return None if data is None or form[-1:] != b"\0" else CompressedPicture(form[:-1].decode(), data)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None


def _after_frame(cdr: Cdr) -> int:
    """The place after the header. Raises struct.error if the header is unusual."""
    (length,) = _COUNT.unpack_from(cdr, _FRAME_AT)
    end = _FRAME_AT + 4 + length
    if bytes(cdr[:2]) != _LITTLE_ENDIAN or not length or cdr[end - 1]:
        raise struct.error("not little-endian, or the name of the frame does not end")
    bytes(cdr[_FRAME_AT + 4 : end]).decode()
    return _aligned(end)


def _rest(cdr: Cdr, place: int, size: int) -> NDArray[np.uint8] | None:
    """So many bytes from a place on, if the message ends after them, with at most three bytes of padding."""
    if not size or not place + size <= len(cdr) <= place + size + 3:
        return None
    return np.frombuffer(cdr, np.uint8, size, place)


def _aligned(place: int) -> int:
    """The next multiple of four; the four bytes of the encapsulation keep offsets in step."""
    return (place + 3) // 4 * 4
