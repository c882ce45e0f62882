"""Small JPEG files of frames, for pages and viewers."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError


def small_jpeg(frame: NDArray[np.uint8], *, width: int, height: float = math.inf, quality: int) -> bytes:
    """Encode a frame as JPEG, reduced if it is larger than a size.

    Args:
        frame: uint8 [H, W, 3] RGB.
        width, height: of the largest picture, pixels.
        quality: of the JPEG, 1 to 100.

    Raises:
        DataError: OpenCV cannot encode it.
    """
    scale = min(width / frame.shape[1], height / frame.shape[0])
    if scale < 1:
        size = [max(1, round(side * scale)) for side in (frame.shape[1], frame.shape[0])]
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [int(cv2.IMWRITE_JPEG_QUALITY), quality]
    )
    if not done:
        raise DataError(f"OpenCV cannot encode a picture of {frame.shape[1]} x {frame.shape[0]} as JPEG.")
    return bytes(encoded)
