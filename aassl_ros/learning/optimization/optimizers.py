"""Optimizers by name (AdamW; LARS of You, Gitman, Ginsburg 2017), and the learning rate over a run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aassl_ros.settings import setting

SCHEDULES = ("constant", "cosine")
OPTIMIZERS = ("adamw", "lars")


@dataclass(frozen=True)
class OptimizerSettings:
    """What changes the weights, and how fast."""

    optimizer: str = setting("adamw", "What changes the weights; lars is for large batches.", choices=OPTIMIZERS)
    lr: float = setting(5e-4, "Learning rate; LARS wants far more than AdamW, some 0.3 for each 256 pairs of a batch.",
                        minimum=0, maximum=10)  # fmt: skip
    weight_decay: float = setting(1e-6, "Weight decay.", minimum=0, maximum=1)
    ema: float = setting(0.0, "What an average of the encoder over the updates keeps at each (0.999, say); the average "
                         "is then what is evaluated and exported. 0: none.", minimum=0, maximum=0.999999)  # fmt: skip


def make_optimizer(
    name: str, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """name: one of OPTIMIZERS; parameters: of one group, or groups with a learning rate each."""
    if name == "lars":
        return LARS(parameters, lr, weight_decay=weight_decay)
    return torch.optim.AdamW(parameters, lr, weight_decay=weight_decay, fused=True)


class LARS(torch.optim.Optimizer):
    """Momentum, each layer's step being a fixed share of its weights' length:

        d = gradient + weight_decay w,   v <- momentum v + trust |w| / |d| d,   w <- w - lr v

    Biases and the weights of norms, all vectors, take d = gradient as it is: their length says nothing about the layer.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.9,
        trust: float = 0.001,
    ) -> None:
        """momentum, trust: as published with SimCLR and MoCo v3."""
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "trust": trust}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # torch's takes a closure, nobody here does
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                change = weight.grad
                if weight.ndim > 1:
                    change = change + group["weight_decay"] * weight
                    change = change * _trust(weight, change, group["trust"])
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                velocity = state["momentum"].mul_(group["momentum"]).add_(change)
                weight.sub_(group["lr"] * velocity)


def _trust(weight: Tensor, change: Tensor, trust: float) -> Tensor:
    """The factor of a layer's step, a scalar; 1 where weights or step are zero. It stays on the device."""
    length, step_length = torch.linalg.vector_norm(weight), torch.linalg.vector_norm(change)
    factor = trust * length / step_length
    return torch.where((length > 0) & (step_length > 0), factor, torch.ones_like(factor))


@dataclass(frozen=True)
class Schedule:
    """The learning rate over a run: rising, then constant or falling along a cosine (Loshchilov, Hutter 2017).

    warmup: updates over which the rate rises in a line; total: updates after which it is zero, 0: it never falls."""

    warmup: int = 0
    total: int = 0

    def factor(self, steps: int) -> float:
        """What the learning rate is multiplied by in the update that comes after `steps` others."""
        if steps < self.warmup:
            return (steps + 1) / self.warmup
        if self.total == 0:
            return 1.0
        done = (steps - self.warmup) / max(1, self.total - self.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
