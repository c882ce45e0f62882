"""A running mean of the scores of an object, so that single wrong frames do not change the answer."""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

# After so many times the smoothing's time without a frame, nothing of the mean is left.
_FORGOTTEN = 5.0


class Smoothing:
    """Exponentially weighted means of probabilities and familiarity. Call `forget` if another object is shown.

    The first frame counts as much as any other: with a plain running mean it would decide the first answers.
    """

    def __init__(self) -> None:
        self._key: Hashable = None
        self._last_s = 0.0
        self._probabilities: NDArray[np.float32] | None = None
        self._familiarity = 0.0
        self._weight = 0.0

    def forget(self) -> None:
        """Begin anew with the next frame."""
        self._probabilities = None

    def add(
        self, key: Hashable, stamp_s: float, probabilities: NDArray[np.float32], familiarity: float, time_s: float
    ) -> tuple[NDArray[np.float32], float]:
        """Add a frame.

        Args:
            key: what the probabilities are of; if it changes, the mean begins anew.
            stamp_s: time of the frame, s. If it is not after the last one, the mean begins anew.
            probabilities: float [C].
            familiarity: of the frame.
            time_s: time in which a frame's weight falls by a factor of e, s; 0: no smoothing.

        Returns:
            The means of both.
        """
        elapsed_s = stamp_s - self._last_s
        if (
            self._probabilities is None
            or key != self._key
            or time_s <= 0.0
            or not 0.0 < elapsed_s < _FORGOTTEN * time_s
        ):
            self._probabilities, self._familiarity, self._weight = probabilities, familiarity, 1.0
        else:
            kept = math.exp(-elapsed_s / time_s) * self._weight
            self._weight = kept + 1.0
            self._probabilities = (kept * self._probabilities + probabilities) / self._weight
            self._familiarity = (kept * self._familiarity + familiarity) / self._weight
        self._key, self._last_s = key, stamp_s
        return self._probabilities, self._familiarity
