"""CIPER's second term: predict the action from the two images."""

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
        # Without weights: a trainable scale of the target would shrink to zero, and the loss with it.
        self.standardise = nn.BatchNorm1d(sizes.actions, affine=False)

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar; 1 for a prediction that carries no information."""
        return ciper(self.regression(pairs.first, pairs.second), self.standardise(pairs.action))
