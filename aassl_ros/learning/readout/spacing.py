"""Some of many, evenly spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(count: int, most: int, *, start: int = 0) -> NDArray[np.int64]:
    """At most `most` of the places from `start` to `start + count - 1`, int64 [min(count, most)], rising.

    They are spread evenly, the first and the last place among them.
    """
    return np.linspace(start, start + count - 1, min(count, most)).round().astype(np.int64)
