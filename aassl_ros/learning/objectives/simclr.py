"""SimCLR, and AA-SimCLR's action term: contrastive alignment of pairs and actions."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes
from aassl_ros.learning.objectives.heads import ActionHead, JointHead, Projector
from aassl_ros.learning.objectives.same_action import MasksSameActions

TEMPERATURE = 0.1  # as published with AA-SSL, for both terms


class SimCLR(nn.Module):
    """NTXent(p(f(x)), p(f(x'))): finds the second image of a pair among all others of the batch, p the projector."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.temperature = settings.temperature or TEMPERATURE
        self.projector = Projector(sizes.features)

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar in nats."""
        return nt_xent(self.projector(pairs.first), self.projector(pairs.second), temperature=self.temperature)


class ActionAlignment(Alignment, MasksSameActions):
    """NTXent(h(a), g(f(x), f(x'))): finds the action between two images among all others of the batch.

    h is the action head, g the joint head.
    """

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__(JointHead(sizes.features, settings.fusion), ActionHead(sizes.actions, sizes.features))
        self.temperature = settings.action_temperature or TEMPERATURE

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar in nats."""
        joint, action = self.embed(pairs)
        return nt_xent(action, joint, temperature=self.temperature, same=self.same(pairs.action))
