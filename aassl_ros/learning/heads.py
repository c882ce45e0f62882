"""The small networks between features and losses: projector p, joint head g and action head h (aa_ssl: "The loss")."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FUSIONS = ("concat", "difference")
_OUT = 128


def perceptron(width_in: int, hidden: int, width_out: int) -> nn.Sequential:
    """Linear, batch norm, ReLU, Linear: float [N, width_in] -> [N, width_out]."""
    # The batch norm subtracts the mean, so a bias before it would do nothing.
    return nn.Sequential(
        nn.Linear(width_in, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, width_out),
    )


def hidden_width(published: int, features: int) -> int:
    """Hidden width of a head: as published, but at most four times the features, lest it dwarf a small encoder."""
    return min(published, 4 * features)


class Projector(nn.Module):
    """p: features float [N, D] -> [N, 128]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.net = perceptron(features, hidden_width(256, features), _OUT)

    def forward(self, features: Tensor) -> Tensor:
        return self.net(features)


class JointHead(nn.Module):
    """g: the features of both frames, two float [N, D] -> [N, 128]. Their order matters, as it does to the action.

    fusion: "concat" feeds [f(x), f(x')], as the authors' code does; "difference" feeds f(x') - f(x).
    """

    def __init__(self, features: int, fusion: str) -> None:
        super().__init__()
        if fusion not in FUSIONS:
            raise ValueError(f"fusion {fusion!r}, expected one of {', '.join(FUSIONS)}")
        self.fusion = fusion
        self.net = perceptron(2 * features if fusion == "concat" else features, hidden_width(1024, features), _OUT)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.net(torch.cat([first, second], dim=1) if self.fusion == "concat" else second - first)


class ActionHead(nn.Module):
    """h: normalised actions float [N, A] -> [N, 128], each column standardised over the batch.

    The closing batch norm has no weights of its own, so the embedding can neither shrink to zero nor settle on a point.
    """

    def __init__(self, action_dimension: int, features: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            perceptron(action_dimension, hidden_width(256, features), _OUT), nn.BatchNorm1d(_OUT, affine=False)
        )

    def forward(self, action: Tensor) -> Tensor:
        return self.net(action)
