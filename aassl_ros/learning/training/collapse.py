"""Detection of collapse: features that vary in only a few directions, whatever the images show."""

from __future__ import annotations

from torch import Tensor

from aassl_ros.learning.measures.rankme import rankme

SHARE = 0.05
"""Features collapse if RankMe is below this share of its maximum, min(N, D). On the tests' turning clouds it stays near
0.6, as with random weights; with a learning rate a hundred times too high it falls to 0.1 or less.
"""
_FEWEST = 32  # features or images: with fewer the measure is not reliable


def check_collapse(features: Tensor) -> tuple[float, str]:
    """Return RankMe of the features float [N, D] of one batch, and a warning if they collapse, else an empty string."""
    rank, most = rankme(features), min(features.shape)
    if most < _FEWEST or rank >= SHARE * most:
        return rank, ""
    return rank, (
        f"the features collapse: they vary in {rank:.1f} of {most} directions (RankMe). "
        "Lower lr, or use larger batches."
    )
