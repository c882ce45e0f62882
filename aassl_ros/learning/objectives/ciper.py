"""CIPER's second term: tell the action from the two images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from aassl_ros.learning.losses.ciper import ciper
from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.heads import JointHead

if TYPE_CHECKING:
    from aassl_ros.learning.training.settings import LearnerSettings


class CIPER(nn.Module):
    """MSE(MLP [f(x), f(x')], standardised a)."""

    def __init__(self, features: int, action_dimension: int, settings: LearnerSettings) -> None:
        super().__init__()
        self.regression = JointHead(features, "concat", out=action_dimension)
        # Without weights: were the target's scale learnt, it would shrink to zero, and the loss with it.
        self.standardise = nn.BatchNorm1d(action_dimension, affine=False)

    def forward(self, pairs: Pairs) -> Tensor:
        """Returns a scalar, 1 where nothing is told."""
        return ciper(self.regression(pairs.first, pairs.second), self.standardise(pairs.action))
