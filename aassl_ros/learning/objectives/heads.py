"""The small networks between features and losses: projector p, joint head g and action head h (docs/methods.md)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from aassl_ros.learning.losses.gather import full_precision

FUSIONS = ("concat", "difference")
_OUT = 128


def perceptron(width_in: int, hidden: int, width_out: int) -> nn.Sequential:
    """Build linear, batch norm, ReLU, linear: float [N, width_in] -> [N, width_out]."""
    # The batch norm subtracts the mean, so a bias before it would do nothing.
    return nn.Sequential(
        nn.Linear(width_in, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, width_out),
    )


def deep_perceptron(widths: Sequence[int], *, closing_norm: bool = False) -> nn.Sequential:
    """Build a perceptron of several layers: float [N, widths[0]] -> [N, widths[-1]].

    Each width in between gets linear, batch norm and ReLU; the last one is linear.
    closing_norm: end in a batch norm without weights.
    """
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(widths[:-1]):
        layers += [nn.Linear(width_in, width_out, bias=False), nn.BatchNorm1d(width_out), nn.ReLU(inplace=True)]
    layers.append(nn.Linear(widths[-2], widths[-1], bias=not closing_norm))
    if closing_norm:
        layers.append(nn.BatchNorm1d(widths[-1], affine=False))
    return nn.Sequential(*layers)


def hidden_width(published: int, features: int) -> int:
    """Hidden width of a head: as published, but at most four times the features, so that it fits small encoders."""
    return min(published, 4 * features)


class Projector(nn.Module):
    """Projector p: features float [N, D] -> embeddings float [N, 128].

    Args:
        features: D.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.net = perceptron(features, hidden_width(256, features), _OUT)

    def forward(self, features: Tensor) -> Tensor:
        return self.net(features)


class JointHead(nn.Module):
    """Joint head g: the features of both frames, two float [N, D] -> embeddings float [N, out]. Their order matters.

    Args:
        features: D.
        fusion: "concat" feeds [f(x), f(x')], as the authors' code does; "difference" feeds f(x') - f(x).
        hidden: published width of the hidden layer; it is at most four times D.
        out: width of the embeddings.
        closing_norm: end in a batch norm without weights.

    Raises:
        ValueError: the fusion is unknown.
    """

    def __init__(
        self, features: int, fusion: str, *, hidden: int = 1024, out: int = _OUT, closing_norm: bool = False
    ) -> None:
        super().__init__()
        if fusion not in FUSIONS:
            raise ValueError(f"fusion {fusion!r}, expected one of {', '.join(FUSIONS)}")
        self.fusion = fusion
        self.net = perceptron(2 * features if fusion == "concat" else features, hidden_width(hidden, features), out)
        if closing_norm:
            self.net.append(nn.BatchNorm1d(out, affine=False))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.net(torch.cat([first, second], dim=1) if self.fusion == "concat" else second - first)


class ActionHead(nn.Module):
    """Action head h: normalised actions float [N, A] -> embeddings float [N, out], standardised over the batch.

    The last batch norm has no weights, so the embedding can neither shrink to zero nor collapse to a point.

    Args:
        action_dimension: A.
        features: D of the encoder.
        hidden: published width of the hidden layer; it is at most four times D.
        out: width of the embeddings.
    """

    def __init__(self, action_dimension: int, features: int, *, hidden: int = 256, out: int = _OUT) -> None:
        super().__init__()
        self.net = nn.Sequential(
            perceptron(action_dimension, hidden_width(hidden, features), out), nn.BatchNorm1d(out, affine=False)
        )

    def forward(self, action: Tensor) -> Tensor:
        with full_precision(action):  # the head is small, and half precision would round small rotations to zero
            return self.net(action)
