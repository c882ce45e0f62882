"""seq-JEPA (Ghaemi, Muller, Bakhtiari, NeurIPS 2025): from views and actions so far, predict the next view's features.

A transformer summarises the observed views and the actions between them. A predictor takes the summary and the next
action, and predicts what the momentum copy of the encoder makes of the next view.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from aassl_ros.learning.losses.byol import byol
from aassl_ros.learning.losses.gather import full_precision
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes
from aassl_ros.learning.objectives.heads import hidden_width, perceptron

# As published, for a ResNet-18 with 512 features.
_ACTION, _HIDDEN, _PERCEPTRON = 128, 1024, 4 * (512 + 128)
_HEADS, _LAYERS = 4, 3
LATER_FRAMES = 2
"""Frames after x and x': three views are observed, and the fourth is predicted, as published."""


class SeqJEPA(nn.Module):
    """1 - cos(q(z, e(a_3)), bar f(x_4)), where z summarises (f(x_1), e(a_1)), (f(x_2), e(a_2)) and (f(x_3), 0).

    e: the action's embedding, linear and batch norm without weights; q: the predictor; bar f: the encoder's momentum
    copy. No token knows its place in the sequence, as in the authors' code. Unlike there, the transformer drops nothing
    out, so that a resumed run equals one that never stopped.
    """

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        width = sizes.features + _ACTION
        self.action_embedding = nn.Sequential(
            nn.Linear(sizes.actions, _ACTION, bias=False), nn.BatchNorm1d(_ACTION, affine=False)
        )
        self.summary_token = nn.Parameter(torch.zeros(width))
        block = nn.TransformerEncoderLayer(
            width, math.gcd(_HEADS, width), hidden_width(_PERCEPTRON, width), dropout=0.0, batch_first=True
        )
        self.aggregator = nn.TransformerEncoder(block, _LAYERS, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        hidden = hidden_width(_HIDDEN, sizes.features)
        self.predictor = perceptron(width + _ACTION, hidden, sizes.features)

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar between 0 and 2."""
        (target,) = pairs.slow
        *between, last = self._embed([pairs.action, *pairs.later_actions])
        predicted = self.predictor(torch.cat([self._summarise(pairs, between), last], dim=1))
        return byol(predicted, target) / 2

    def _summarise(self, pairs: Pairs, between: list[Tensor]) -> Tensor:
        """Summarise the observed views, float [N, D + 128]. between: the embedded actions between them."""
        views = [pairs.first, pairs.second, *pairs.later]
        # The action after the last observed view is for the predictor alone.
        embedded = [*between, torch.zeros_like(between[0])]
        tokens = [torch.cat(both, dim=1) for both in zip(views, embedded, strict=True)]
        summary = self.summary_token.to(tokens[0].dtype).expand_as(tokens[0])
        return self.aggregator(torch.stack([summary, *tokens], dim=1))[:, 0]

    def _embed(self, actions: list[Tensor]) -> list[Tensor]:
        """Embed the actions, float [N, A] each, as one batch: float [N, 128] each."""
        with full_precision(actions[0]):  # half precision would round small rotations to zero
            return list(self.action_embedding(torch.cat(actions)).chunk(len(actions)))
