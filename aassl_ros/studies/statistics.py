"""The 95 % interval of the paired difference of two settings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.learning.measures.intervals import Interval

DRAWS = 10_000
_LEVELS = (2.5, 97.5)
_DRAWS_AT_ONCE = 1000


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
