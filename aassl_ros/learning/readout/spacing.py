"""Evenly spaced selection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(count: int, most: int, *, start: int = 0) -> NDArray[np.int64]:
    """Select at most `most` of the indices from `start` to `start + count - 1`, evenly spaced.

    Returns int64 [min(count, most)], rising; the first and the last index are included.
    """
    return np.linspace(start, start + count - 1, min(count, most)).round().astype(np.int64)
