"""Decodes sensor_msgs/CompressedImage to uint8 [H, W, 3] RGB."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from aassl_ros.data.streams.images import Image, decode_image
from aassl_ros.errors import DataError

_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
_HEADERS = 4096  # the scan of nearly all JPEG pictures begins within so many bytes
_PNG_START, _PNG_END = b"\x89PNG", b"IEND"


def decode_compressed(format: str, data: Any, *, flags: int = cv2.IMREAD_COLOR) -> Image:
    """Decode a sensor_msgs/CompressedImage (JPEG, PNG and other formats of OpenCV).

    Args:
        format: the format in the message, such as "rgb8; jpeg compressed bgr8". If its first word is a Bayer encoding
            and the picture has one channel, the picture is the mosaic and is debayered.
        data: the bytes of the picture file.
        flags: of OpenCV, for a colour picture; IMREAD_REDUCED_COLOR_2 decodes it at half its size.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        DataError: the data are damaged or cut off, depth values, or of an unknown format.
    """
    encoding = format.partition(";")[0].strip()
    if "compressedDepth" in format or encoding.startswith(("32F", "64F")):
        raise DataError(f"A compressed image has format {format!r}: it contains depth, expected a colour picture.")
    flat = np.frombuffer(data, np.uint8)
    if _is_cut_off(flat):
        raise DataError(f"A compressed image ({format!r}, {flat.size} bytes) is damaged: its end is missing.")
    if encoding.startswith("bayer_"):
        return _decode_bayer(format, encoding, flat)
    bgr = cv2.imdecode(flat, flags) if flat.size else None
    if bgr is None:
        raise _unreadable(format, flat)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _decode_bayer(format: str, encoding: str, flat: Image) -> Image:
    """A mosaic of one channel; a picture of three was debayered by the driver."""
    found = cv2.imdecode(flat, cv2.IMREAD_UNCHANGED) if flat.size else None
    if found is None:
        raise _unreadable(format, flat)
    if found.dtype == np.uint16:
        found = found // 256
    if found.ndim == 3:
        return np.asarray(cv2.cvtColor(found[:, :, :3].astype(np.uint8), cv2.COLOR_BGR2RGB), np.uint8)
    mosaic = np.ascontiguousarray(found, np.uint8)
    height, width = mosaic.shape
    # 16-bit mosaics were reduced to their upper 8 bits above.
    return decode_image(encoding.removesuffix("16").removesuffix("8") + "8", height, width, width, False, mosaic)


def _unreadable(format: str, flat: Image) -> DataError:
    return DataError(f"A compressed image ({format!r}, {flat.size} bytes) is damaged or of an unknown format.")


def _is_cut_off(flat: Image) -> bool:
    """Whether the end marker is missing. Some OpenCV releases fill the rest of a cut picture with gray."""
    begin = flat[:_HEADERS].tobytes()
    if begin.startswith(_JPEG_START) and _JPEG_SCAN in begin and flat[-2:].tobytes() == _JPEG_END:
        return False  # the usual case, which needs no search in all the data
    data = flat.tobytes()
    if data.startswith(_JPEG_START):
        # From the last scan on, because a thumbnail in the header has an end marker too. Bytes may follow the marker.
        scan = data.rfind(_JPEG_SCAN)
        return scan < 0 or data.find(_JPEG_END, scan) < 0
    return data.startswith(_PNG_START) and data.rfind(_PNG_END) < 0
