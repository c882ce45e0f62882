"""Means with 95 % intervals: of a setting over its seeds, and of the paired difference of two settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
_LEVELS = (2.5, 97.5)
_DRAWS_AT_ONCE = 1000
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


def paired_interval(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], weights: NDArray[np.float64], *, draws: int = DRAWS
) -> Interval:
    """Mean of ours - theirs, both [seeds, instances], and its bootstrap interval over instances and seeds.

    weights: [instances], number of frames of each. Each bootstrap draw takes as many seeds and instances as there are,
    with replacement. The interval is from the 2.5th to the 97.5th percentile; None for a single instance.
    """
    difference = ours - theirs
    seeds, instances = difference.shape
    mean = float((difference.mean(axis=0) * weights).sum() / weights.sum())
    if instances < 2:
        return Interval(mean, None)
    rng = np.random.default_rng(0)  # the same results must give the same table
    means = []
    for start in range(0, draws, _DRAWS_AT_ONCE):
        count = min(_DRAWS_AT_ONCE, draws - start)
        of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), count) / seeds
        of_instances = rng.multinomial(instances, np.full(instances, 1 / instances), count) * weights
        means.append(((of_seeds @ difference) * of_instances).sum(axis=1) / of_instances.sum(axis=1))
    low, high = np.percentile(np.concatenate(means), _LEVELS)
    return Interval(mean, (float(low), float(high)))
