"""Random frames after a batch of pairs, for methods of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from aassl_ros.learning.batches.later_frames import LaterFrames
from aassl_ros.learning.objectives.methods import METHODS


def random_later(method: str, pairs: int, size: int, actions: int, rows: Any = slice(None)) -> LaterFrames | None:
    """As many frames of `size` px after each pair as the method takes, None if it takes none.

    actions: entries of an action. rows: index of the pairs of this process.
    """
    count, rng = METHODS[method].later_frames, np.random.default_rng(7)
    if not count:
        return None
    images = rng.integers(0, 256, (count, pairs, size, size, 3), dtype=np.uint8)
    return LaterFrames(images[:, rows], rng.normal(size=(count, pairs, actions)).astype(np.float32)[:, rows])
