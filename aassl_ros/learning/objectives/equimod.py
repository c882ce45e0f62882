"""EquiMod (Devillers, Lefort 2023): an invariant embedding, and one whose change is predicted from the action."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aassl_ros.learning.losses.gather import full_precision
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes
from aassl_ros.learning.objectives.heads import deep_perceptron, hidden_width

TEMPERATURE = 0.2  # as published, of both terms
_HIDDEN, _OUT = 2048, 128


class EquiModInvariance(nn.Module):
    """NTXent(p(f(x)), p(f(x'))), p a projector as deep as the equivariant one."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.temperature = settings.temperature or TEMPERATURE
        self.projector = _projector(sizes.features)

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar in nats."""
        return nt_xent(self.projector(pairs.first), self.projector(pairs.second), temperature=self.temperature)


class EquiMod(nn.Module):
    """NTXent(u(e(f(x)), t(a)), e(f(x'))): projector e, action embedding t, predictor u.

    Gradients flow through both sides.
    """

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.temperature = settings.action_temperature or TEMPERATURE
        self.projector = _projector(sizes.features)
        self.action_embedding = nn.Sequential(nn.Linear(sizes.actions, _OUT, bias=False), nn.BatchNorm1d(_OUT))
        self.predictor = deep_perceptron([2 * _OUT, _OUT], closing_norm=True)

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar in nats."""
        with full_precision(pairs.action):  # half precision would round small rotations to zero
            embedded = self.action_embedding(pairs.action)
        projected = torch.cat([self.projector(pairs.first), embedded], dim=1)
        return nt_xent(self.predictor(projected), self.projector(pairs.second), temperature=self.temperature)


def _projector(features: int) -> nn.Module:
    hidden = hidden_width(_HIDDEN, features)
    return deep_perceptron([features, hidden, hidden, _OUT], closing_norm=True)
