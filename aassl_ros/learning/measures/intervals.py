"""The mean of some values with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_STUDENT_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
               2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086)  # fmt: skip
"""Two-sided 95 % quantiles of Student's t for 1 to 20 degrees of freedom."""
_NORMAL_95 = 1.960


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval. ci95: None if there are too few values."""

    mean: float
    ci95: tuple[float, float] | None


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean of the values, one per seed, and Student's interval; the interval of a single value is None."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return Interval(mean, None)
    quantile = _STUDENT_95[count - 2] if count - 2 < len(_STUDENT_95) else _NORMAL_95 + 2.5 / (count - 1)
    half = quantile * float(np.std(values, ddof=1)) / count**0.5
    return Interval(mean, (mean - half, mean + half))
