"""VICReg (Bardes, Ponce, LeCun 2022) and its action term: invariance, variance and covariance of embeddings."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.losses.vicreg import vicreg
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes
from aassl_ros.learning.objectives.heads import ActionHead, JointHead, deep_perceptron, hidden_width

_WIDTH = 8192  # as published, of all three layers


class VICReg(nn.Module):
    """VICReg(p(f(x)), p(f(x'))), p the wide projector, called the expander in the paper."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.projector = deep_perceptron([sizes.features, *[hidden_width(_WIDTH, sizes.features)] * 3])

    def forward(self, pairs: Pairs) -> Tensor:
        return vicreg(self.projector(pairs.first), self.projector(pairs.second))


class ActionVICReg(Alignment):
    """VICReg(h(a), g(f(x), f(x'))), h the action head, g the joint head."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__(JointHead(sizes.features, settings.fusion), ActionHead(sizes.actions, sizes.features))

    def forward(self, pairs: Pairs) -> Tensor:
        joint, action = self.embed(pairs)
        return vicreg(action, joint)
