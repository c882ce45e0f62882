"""SIE (Garrido, Najman, LeCun 2023): half of the features are invariant, half are predicted from the action."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aassl_ros.learning.losses.sie import sie
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes
from aassl_ros.learning.objectives.heads import deep_perceptron, hidden_width

_WIDTH = 1024  # as published, of all three layers of each projector


class SIE(nn.Module):
    """The complete SIE loss of images and actions: spread and correlation are computed on both halves together."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        width = hidden_width(_WIDTH, sizes.features)
        self.invariant_projector = deep_perceptron([sizes.features // 2, width, width, width])
        self.equivariant_projector = deep_perceptron([sizes.features // 2, width, width, width])
        self.predictor = ActionMatrix(sizes.actions, width)

    def forward(self, pairs: Pairs) -> Tensor:
        stays, moves = pairs.first.chunk(2, dim=1)
        stays_next, moves_next = pairs.second.chunk(2, dim=1)
        equivariant = self.equivariant_projector(moves)
        return sie(
            self.invariant_projector(stays),
            self.invariant_projector(stays_next),
            equivariant,
            self.equivariant_projector(moves_next),
            self.predictor(equivariant, pairs.action),
        )


class ActionMatrix(nn.Module):
    """SIE's hypernetwork: embeddings float [N, E] times the matrix M_0 + sum over k of a_k M_k, a float [N, A]."""

    def __init__(self, action_dimension: int, width: int) -> None:
        super().__init__()
        self.matrices = nn.Linear((1 + action_dimension) * width, width, bias=False)  # [M_0, M_1, ...], side by side

    def forward(self, embedding: Tensor, action: Tensor) -> Tensor:
        # sum_k a_k (M_k y) as one product: one matrix per pair of the batch would take a gigabyte.
        scaled = [embedding, *(entry * embedding for entry in action.split(1, dim=1))]
        return self.matrices(torch.cat(scaled, dim=1))
