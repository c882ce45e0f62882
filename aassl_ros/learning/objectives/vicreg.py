"""VICReg (Bardes, Ponce, LeCun 2022) and its action term: embeddings alike, spread out and uncorrelated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from aassl_ros.learning.losses.vicreg import vicreg
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.heads import ActionHead, JointHead, deep_perceptron, hidden_width

if TYPE_CHECKING:
    from aassl_ros.learning.training.settings import LearnerSettings

_WIDTH = 8192  # as published, of all three layers


class VICReg(nn.Module):
    """VICReg(p(f(x)), p(f(x'))), p the wide expander."""

    def __init__(self, features: int, action_dimension: int, settings: LearnerSettings) -> None:
        super().__init__()
        self.projector = deep_perceptron([features, *[hidden_width(_WIDTH, features)] * 3])

    def forward(self, pairs: Pairs) -> Tensor:
        return vicreg(self.projector(pairs.first), self.projector(pairs.second))


class ActionVICReg(Alignment):
    """VICReg(h(a), g(f(x), f(x')))."""

    def __init__(self, features: int, action_dimension: int, settings: LearnerSettings) -> None:
        super().__init__(JointHead(features, settings.fusion), ActionHead(action_dimension, features))

    def forward(self, pairs: Pairs) -> Tensor:
        joint, action = self.embed(pairs)
        return vicreg(action, joint)
