"""CIPER's second term: tell the action from the two images."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.losses.ciper import ciper
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes
from aassl_ros.learning.objectives.heads import JointHead


class CIPER(nn.Module):
    """MSE(MLP [f(x), f(x')], standardised a)."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.regression = JointHead(sizes.features, "concat", out=sizes.actions)
        # Without weights: were the target's scale learnt, it would shrink to zero, and the loss with it.
        self.standardise = nn.BatchNorm1d(sizes.actions, affine=False)

    def forward(self, pairs: Pairs) -> Tensor:
        """Returns a scalar, 1 where nothing is told."""
        return ciper(self.regression(pairs.first, pairs.second), self.standardise(pairs.action))
