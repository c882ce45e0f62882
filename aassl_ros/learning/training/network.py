"""Everything with weights: the encoder f, and the objective's terms with their heads and momentum copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from aassl_ros.errors import TrainingError
from aassl_ros.learning.encoders.backbone import WarmStart, warm_start
from aassl_ros.learning.encoders.factory import build_encoder
from aassl_ros.learning.encoders.pretrained import read_weights
from aassl_ros.learning.objectives.base import Pairs, Sizes, Term
from aassl_ros.learning.objectives.methods import METHODS, check_settings
from aassl_ros.learning.objectives.same_action import SameAction, mask_same_actions
from aassl_ros.learning.objectives.space_heads import SpaceHead, SpaceHeads
from aassl_ros.learning.optimization.moving_averages import MomentumCopy
from aassl_ros.learning.settings import LearnerSettings


class Terms(NamedTuple):
    """The terms of the loss of a batch.

    contrastive: of the base term, a scalar; action: of the action term, a scalar or None; features: f(x), float [N, D].
    """

    contrastive: Tensor
    action: Tensor | None
    features: Tensor


class Network(nn.Module):
    """Computes the terms of the loss from images and actions. Its weights are named encoder.* and objective.*.

    encoder: f; objective: p, g and h, and momentum copies if the method has any; warm_start: the file of the initial
    weights of f, None if they are random.
    """

    def __init__(
        self,
        settings: LearnerSettings,
        action_dimension: int,
        same_action: SameAction | None,
        categories: int,
        spaces: Sequence[SpaceHead] = (),
    ) -> None:
        """The arguments are those of `Learner`; the initial weights follow from settings.seed."""
        super().__init__()
        method = METHODS[settings.method]
        with torch.random.fork_rng(devices=[]):  # does not change the caller's random numbers
            torch.manual_seed(settings.seed)
            self.encoder = build_encoder(settings)
            self.warm_start: WarmStart | None = None
            if settings.weights:
                file = read_weights(settings.weights, settings.encoder, settings.image_size)
                self.warm_start = warm_start(self.encoder, file, settings, settings.pixel_statistics)
            sizes = Sizes(self.encoder.features, action_dimension, categories, self.encoder.transformer)
            self.objective = nn.ModuleDict({"base": method.base(sizes, settings)})
            if method.action_term is not None:
                self.objective["action"] = _action_term(method.action_term, sizes, settings, spaces)
        if method.slow_encoder:
            self.objective["slow_encoder"] = MomentumCopy(self.encoder, settings.slow_momentum)
        if not spaces:
            mask_same_actions(self.objective, same_action, settings)
        check_settings(settings)
        self._slow_copies = [part for part in self.objective.modules() if isinstance(part, MomentumCopy)]

    def forward(
        self,
        x: Tensor,
        x_next: Tensor,
        action: Tensor,
        target: Tensor | None,
        later: tuple[Tensor, ...] = (),
        later_actions: tuple[Tensor, ...] = (),
    ) -> Terms:
        """Compute the terms of the loss.

        x, x_next: augmented images, float [N, 3, S, S]; action: float [N, A]; target: int64 [N], None without labels.
        later, later_actions: of a sequence, the augmented frames after x_next and the actions to them; as x and action.
        Raises TrainingError if a term does not return a scalar.
        """
        # One view after the other: batch norm must see the N images of one view and not 2 N.
        f, f_next = self.encoder(x), self.encoder(x_next)
        observed = tuple(self.encoder(image) for image in later[:-1])
        slow = self._slow_features(*later[-1:]) if later else self._slow_features(x, x_next)
        pairs = Pairs(f, f_next, action, slow, target, observed, later_actions)
        contrastive = self.objective["base"](pairs)
        action_loss = self.objective["action"](pairs) if "action" in self.objective else None
        for name, loss in (("base", contrastive), ("action", action_loss)):
            if loss is not None and loss.ndim:
                raise TrainingError(
                    f"the {name} term {type(self.objective[name]).__name__} returned a tensor of shape "
                    f"{tuple(loss.shape)}, expected a scalar. Reduce it with .mean() or .sum()."
                )
        return Terms(contrastive, action_loss, f)

    @property
    def encoder_copies(self) -> tuple[nn.Module, ...]:
        """The encoder inside its momentum copy, if the method keeps one."""
        if "slow_encoder" not in self.objective:
            return ()
        copy = self.objective["slow_encoder"]
        assert isinstance(copy, MomentumCopy)
        return (copy.copy,)

    def follow(self) -> None:
        """Update the momentum copies. Call it after the optimizer's step."""
        for slow_copy in self._slow_copies:
            slow_copy.follow()

    def _slow_features(self, *images: Tensor) -> tuple[Tensor, ...]:
        """Embed each batch of images with the momentum copy of the encoder; empty if the method has none."""
        if "slow_encoder" not in self.objective:
            return ()
        slow = self.objective["slow_encoder"]
        return tuple(slow(each) for each in images)


def _action_term(build: Term, sizes: Sizes, settings: LearnerSettings, spaces: Sequence[SpaceHead]) -> nn.Module:
    """Build the action term; with several action spaces, one for each."""
    if not spaces:
        return build(sizes, settings)
    return SpaceHeads(spaces, lambda actions: build(replace(sizes, actions=actions), settings), settings)
