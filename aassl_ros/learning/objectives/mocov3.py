"""MoCo v3 (Chen, Xie, He 2021) and its action term: find the momentum copy's embedding of the other view."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.losses.info_nce import info_nce
from aassl_ros.learning.objectives.base import ObjectiveSettings, Sizes
from aassl_ros.learning.objectives.heads import ActionHead, JointHead, deep_perceptron, hidden_width, perceptron
from aassl_ros.learning.objectives.momentum import MomentumAlignment, MomentumBase
from aassl_ros.learning.objectives.same_action import MasksSameActions

TEMPERATURE = 0.2  # as published
_HIDDEN, _OUT = 4096, 256


class MoCoV3(MomentumBase):
    """l(q_p p f(x), bar p bar f(x')) + the same with x and x' swapped, l = 2 tau CE among the keys. See momentum.py."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        hidden = hidden_width(_HIDDEN, sizes.features)
        depth = 2 if sizes.transformer else 1  # hidden layers, as published
        projector = deep_perceptron([sizes.features, *[hidden] * depth, _OUT], closing_norm=True)
        super().__init__(projector, _predictor(sizes.features), settings.slow_momentum)
        self.temperature = settings.temperature or TEMPERATURE

    def loss(self, query: Tensor, key: Tensor) -> Tensor:
        return info_nce(query, key, temperature=self.temperature)


class ActionMoCoV3(MomentumAlignment, MasksSameActions):
    """l(q_g g(f(x), f(x')), bar h(a)) + l(q_h h(a), bar g(bar f(x), bar f(x'))), l = 2 tau CE among the keys.

    See momentum.py.
    """

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__(
            JointHead(sizes.features, settings.fusion, hidden=_HIDDEN, out=_OUT, closing_norm=True),
            ActionHead(sizes.actions, sizes.features, hidden=_HIDDEN, out=_OUT),
            _predictor(sizes.features),
            _predictor(sizes.features),
            settings.slow_momentum,
        )
        self.temperature = settings.action_temperature or TEMPERATURE

    def loss(self, query: Tensor, key: Tensor, action: Tensor) -> Tensor:
        return info_nce(query, key, temperature=self.temperature, same=self.same(action))


def _predictor(features: int) -> nn.Module:
    return perceptron(_OUT, hidden_width(_HIDDEN, features), _OUT)
