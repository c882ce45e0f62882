"""Barlow Twins (Zbontar et al. 2021) and its action term: the entries of an embedding become uncorrelated."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.losses.barlow_twins import barlow_twins
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes
from aassl_ros.learning.objectives.heads import ActionHead, JointHead, deep_perceptron, hidden_width

_WIDTH = 8192  # as published, of all three layers
_ACTION_WIDTH = 64  # our choice: actions have few degrees of freedom, so few entries can be uncorrelated


class BarlowTwins(nn.Module):
    """BarlowTwins(p(f(x)), p(f(x'))), p the projector."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.projector = deep_perceptron([sizes.features, *[hidden_width(_WIDTH, sizes.features)] * 3])

    def forward(self, pairs: Pairs) -> Tensor:
        return barlow_twins(self.projector(pairs.first), self.projector(pairs.second))


class ActionBarlowTwins(Alignment):
    """BarlowTwins(h(a), g(f(x), f(x'))), h the action head, g the joint head."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__(
            JointHead(sizes.features, settings.fusion, out=_ACTION_WIDTH),
            ActionHead(sizes.actions, sizes.features, out=_ACTION_WIDTH),
        )

    def forward(self, pairs: Pairs) -> Tensor:
        joint, action = self.embed(pairs)
        return barlow_twins(action, joint)
