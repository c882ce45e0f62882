"""Draw the evaluator's answer onto its frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Letters with a height of about a twelfth of the image width are readable in a small preview.
_SCALE_PER_PIXEL = 1 / 320
_SMALLEST_SCALE = 0.35


def annotate(frame: NDArray[np.uint8], answer: str, note: str = "") -> NDArray[np.uint8]:
    """Draw an answer onto a copy of a frame.

    Args:
        frame: uint8 [H, W, 3] RGB.
        answer: drawn on a dark bar along the upper edge; see `describe_answer`.
        note: drawn in half the size along the lower edge; empty: nothing is.

    Returns:
        The picture, uint8 [H, W, 3] RGB.
    """
    picture = frame.copy()
    scale = max(_SMALLEST_SCALE, frame.shape[1] * _SCALE_PER_PIXEL)
    _write(picture, answer, scale, lower=False)
    if note:
        _write(picture, note, max(_SMALLEST_SCALE, scale / 2), lower=True)
    return picture


def _write(picture: NDArray[np.uint8], text: str, scale: float, *, lower: bool) -> None:
    """Write text on a dark bar along an edge of a picture."""
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(scale))
    height = cv2.getTextSize(text, font, scale, thickness)[0][1]
    top = max(0, len(picture) - 2 * height) if lower else 0
    bar = picture[top : top + 2 * height]
    np.right_shift(bar, 2, out=bar)
    place = (height // 2, top + round(1.5 * height))
    cv2.putText(picture, text, place, font, scale, (255, 255, 255), thickness, cv2.LINE_AA)
