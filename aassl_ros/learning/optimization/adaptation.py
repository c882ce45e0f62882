"""Adaptation: keeps an encoder close to its initial weights while it is trained further.

Published weights contain more than a few minutes of recordings can add. An encoder does not lose it if its learning
rate is small, if its first layers or its batch norms are frozen, or if a penalty pulls back its weights (L2-SP; Li,
Grandvalet, Davoine 2018) or its features (distillation from the initial encoder; Li, Hoiem 2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.settings import setting


@dataclass(frozen=True)
class AdaptationSettings:
    """How far the encoder may move from its initial weights; by default it is trained like the heads."""

    encoder_lr: float = setting(0.0, "Learning rate of the encoder; 0: that of the heads, `lr`. Published weights need "
                                "a tenth of it or less.", minimum=0, maximum=10)  # fmt: skip
    frozen_layers: int = setting(0, "Number of the encoder's first layers that are not trained; -1: all of them.",
                                 minimum=-1, maximum=1000)  # fmt: skip
    frozen_batch_norm: bool = setting(False, "Do not change statistics and weights of the encoder's batch norms.")
    stay_close: float = setting(0.0, "Weight of L2-SP: half the squared distance of the encoder's weights from their "
                                "initial values.", minimum=0, maximum=1_000_000)  # fmt: skip
    distillation: float = setting(0.0, "Weight of distillation: 1 minus the mean cosine between the features of x and "
                                  "those that the initial weights give.", minimum=0, maximum=1_000_000)  # fmt: skip


_TEACHER = "teacher."

ADAPTATION_DEFAULTS: dict[str, Any] = {
    "encoder": "efficientnet_lite0",
    "weights": "pretrained",
    "image_size": 64,
    "batch": 64,
    "lr": 1e-3,
    "encoder_lr": 2e-4,
    "frozen_batch_norm": True,
    "crop_minimum": 0.4,
    "action_temperature": 0.3,
}
"""Settings of LearnerSettings that adapt a published encoder: `aassl train --adapt`. A milder crop than the paper's, a
small learning rate for the encoder, the published statistics of its batch norms, and the published network at the size
of most prepared data. With the paper's temperature, 0.1, the action term is worse than chance for most of so few
updates.
"""

ADAPTATION_RUN: dict[str, Any] = {"updates": 150, "schedule": "cosine"}
"""The settings of TrainSettings that belong to them: few updates, because published features are lost with many."""


class Adaptation:
    """Freezes parts of an encoder, and computes the penalty on the distance of the others from their initial weights.

    Args:
        settings: which parts, and the weight of the penalty.
        encoder: on its device, with its initial weights.
        copies: momentum copies of the encoder; the same parts are frozen in them.

    Raises:
        ConfigError: the encoder has fewer layers than should be frozen.
    """

    def __init__(self, settings: AdaptationSettings, encoder: Encoder, copies: tuple[nn.Module, ...] = ()) -> None:
        self.settings = settings
        layers = encoder.layers()
        count = len(layers) if settings.frozen_layers < 0 else settings.frozen_layers
        if count > len(layers):
            raise ConfigError(
                f"frozen_layers = {count}, but the encoder has {len(layers)} layers. Set it to -1 for all."
            )
        frozen = {module for part in chain(*layers[:count]) for module in part.modules()}
        for weight in encoder.loose_weights() if count else []:
            weight.requires_grad_(False)
        for module in frozen:
            for weight in module.parameters(recurse=False):
                weight.requires_grad_(False)
        self._still = [
            module
            for module in encoder.modules()
            if isinstance(module, _BatchNorm) and (settings.frozen_batch_norm or module in frozen)
        ]
        for module in self._still:
            module.requires_grad_(False)
        names = {name for name, module in encoder.named_modules() if module in self._still}
        self._still += [part for copy in copies for name, part in copy.named_modules() if name in names]
        self._encoder = encoder
        self.start: dict[str, Tensor] = {}
        if settings.stay_close:
            self.start = {name: weight.detach().clone() for name, weight in self._moving()}
        self._teacher: Encoder | None = None
        if settings.distillation:
            self._teacher = deepcopy(encoder).requires_grad_(False).eval()

    def hold_still(self) -> None:
        """Keep frozen batch norms in evaluation mode; call it after `train()` of the network."""
        for module in self._still:
            module.eval()

    def penalty(self, images: Tensor, features: Tensor) -> Tensor | None:
        """Return the sum of L2-SP and distillation, a scalar with gradient; None without both.

        images: the encoder's input, float [N, 3, S, S]; features: its features, float [N, D], with gradient.
        """
        terms = [term for term in (self._l2_sp(), self._distillation(images, features)) if term is not None]
        return sum(terms[1:], terms[0]) if terms else None

    def _distillation(self, images: Tensor, features: Tensor) -> Tensor | None:
        if self._teacher is None or not features.requires_grad:
            return None
        with torch.no_grad():
            target = self._teacher(images)
        return self.settings.distillation * (1 - functional.cosine_similarity(features, target, dim=1).mean())

    def _l2_sp(self) -> Tensor | None:
        moving = [(weight, self.start[name]) for name, weight in self._moving() if name in self.start]
        if not moving:
            return None
        return (
            self.settings.stay_close / 2 * torch.stack([(weight - old).square().sum() for weight, old in moving]).sum()
        )

    def state(self) -> dict[str, Tensor]:
        """Return the initial weights that the penalties need; empty without penalties."""
        teacher = {} if self._teacher is None else self._teacher.state_dict()
        return {**self.start, **{f"{_TEACHER}{name}": value for name, value in teacher.items()}}

    def restore(self, start: Mapping[str, Tensor]) -> None:
        """Restore the initial weights of an interrupted run, which `state` returned.

        Raises KeyError, ValueError or RuntimeError if they are not those of this encoder.
        """
        if self._teacher is not None:
            names = self._teacher.state_dict()
            self._teacher.load_state_dict({name: start[f"{_TEACHER}{name}"] for name in names})
        for name, old in self.start.items():
            if start[name].shape != old.shape:
                raise ValueError(f"start of {name} has shape {tuple(start[name].shape)}, expected {tuple(old.shape)}")
            old.copy_(start[name])

    def parameter_groups(self, network: nn.Module, lr: float) -> list[dict[str, object]]:
        """Return the trained weights in groups for an optimizer: the encoder's first if it has its own learning rate.

        Returns:
            Groups with `params` and `lr`.
        """
        trained = [weight for weight in network.parameters() if weight.requires_grad]  # without momentum copies
        if not self.settings.encoder_lr:
            return [{"params": trained, "lr": lr}]
        of_encoder = {id(weight) for weight in self._encoder.parameters()}
        groups = [
            {"params": [weight for weight in trained if id(weight) in of_encoder], "lr": self.settings.encoder_lr},
            {"params": [weight for weight in trained if id(weight) not in of_encoder], "lr": lr},
        ]
        return [group for group in groups if group["params"]]

    def _moving(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, weight) for name, weight in self._encoder.named_parameters() if weight.requires_grad]
