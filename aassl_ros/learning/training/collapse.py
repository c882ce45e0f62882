"""Whether features collapse: whether they come to lie in a few directions, whatever the images show."""

from __future__ import annotations

from torch import Tensor

from aassl_ros.learning.measures.rankme import rankme

SHARE = 0.05
"""RankMe over the most it could be, min(N, D), below which features are said to collapse. Learning about turning clouds
keeps it near 0.6, where it is with random weights; a learning rate a hundred times too high takes it to 0.1 and less.
"""
_FEWEST = 32  # features or images: of fewer it says nothing


def check_collapse(features: Tensor) -> tuple[float, str]:
    """RankMe of features float [N, D] of one batch, and a warning where they collapse, else an empty one."""
    rank, most = rankme(features), min(features.shape)
    if most < _FEWEST or rank >= SHARE * most:
        return rank, ""
    return rank, (
        f"the features collapse: they spread over {rank:.1f} of {most} directions (RankMe). "
        "Lower lr, or take larger batches."
    )
