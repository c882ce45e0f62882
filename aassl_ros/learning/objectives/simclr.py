"""SimCLR, and AA-SimCLR's action term: contrastive alignment of pairs and actions."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.distributed.ranks import gather_rows
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.objectives.action_weights import negative_weights, pair_weights
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


class ActionWeightedSimCLR(SimCLR):
    """As SimCLR, but a pair counts the less, the larger its action is: views far apart need not be alike."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__(sizes, settings)
        self.decay = settings.positive_decay

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar in nats."""
        weights = pair_weights(gather_rows(pairs.action), self.decay)
        first, second = self.projector(pairs.first), self.projector(pairs.second)
        return nt_xent(first, second, temperature=self.temperature, pair_weights=weights)


class ActionAlignment(Alignment, MasksSameActions):
    """NTXent(h(a), g(f(x), f(x'))): finds the action between two images among all others of the batch.

    h is the action head, g the joint head.
    """

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__(JointHead(sizes.features, settings.fusion), ActionHead(sizes.actions, sizes.features))
        self.temperature = settings.action_temperature or TEMPERATURE
        self.hardness = settings.hard_actions

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar in nats."""
        joint, action = self.embed(pairs)
        weights = negative_weights(gather_rows(pairs.action), self.hardness) if self.hardness else None
        same = self.same(pairs.action)
        return nt_xent(action, joint, temperature=self.temperature, same=same, negative_weights=weights)
