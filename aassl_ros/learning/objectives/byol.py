"""BYOL (Grill et al. 2020) and its action term: predict the momentum copy's embedding of the other view."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.losses.byol import byol
from aassl_ros.learning.objectives.base import ObjectiveSettings, Sizes
from aassl_ros.learning.objectives.heads import ActionHead, JointHead, hidden_width, perceptron
from aassl_ros.learning.objectives.momentum import MomentumAlignment, MomentumBase

_HIDDEN, _OUT = 4096, 256  # as published, of projector and predictor alike


class BYOL(MomentumBase):
    """1/2 [l(q_p p f(x), bar p bar f(x')) + the same with x and x' swapped], l = 2 - 2 cos. See momentum.py."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        projector = perceptron(sizes.features, hidden_width(_HIDDEN, sizes.features), _OUT)
        super().__init__(projector, _predictor(sizes.features), settings.slow_momentum)

    def loss(self, query: Tensor, key: Tensor) -> Tensor:
        return byol(query, key) / 2


class ActionBYOL(MomentumAlignment):
    """1/2 [l(q_g g(f(x), f(x')), bar h(a)) + l(q_h h(a), bar g(bar f(x), bar f(x')))], l = 2 - 2 cos.

    See momentum.py.
    """

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__(
            JointHead(sizes.features, settings.fusion, hidden=_HIDDEN, out=_OUT),
            ActionHead(sizes.actions, sizes.features, hidden=_HIDDEN, out=_OUT),
            _predictor(sizes.features),
            _predictor(sizes.features),
            settings.slow_momentum,
        )

    def loss(self, query: Tensor, key: Tensor, action: Tensor) -> Tensor:
        return byol(query, key) / 2


def _predictor(features: int) -> nn.Module:
    return perceptron(_OUT, hidden_width(_HIDDEN, features), _OUT)
