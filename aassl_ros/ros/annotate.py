"""Draw the evaluator's answer onto its frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Letters with a height of about a twelfth of the image width are readable in a small preview.
_SCALE_PER_PIXEL = 1 / 320
_SMALLEST_SCALE = 0.35


def annotate(frame: NDArray[np.uint8], label: str, score: float) -> NDArray[np.uint8]:
    """Return a copy of a frame uint8 [H, W, 3] with "label 87 %" on a dark bar along its upper edge."""
    picture = frame.copy()
    scale = max(_SMALLEST_SCALE, frame.shape[1] * _SCALE_PER_PIXEL)
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(scale))
    text = f"{label} {100 * score:.0f} %"
    height = cv2.getTextSize(text, font, scale, thickness)[0][1]
    bar = picture[: 2 * height]
    np.right_shift(bar, 2, out=bar)
    cv2.putText(picture, text, (height // 2, round(1.5 * height)), font, scale, (255, 255, 255), thickness, cv2.LINE_AA)
    return picture
