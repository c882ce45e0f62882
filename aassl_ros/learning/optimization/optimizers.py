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
    """The optimizer and its settings."""

    optimizer: str = setting("adamw", "Optimizer; lars is for large batches.", choices=OPTIMIZERS)
    lr: float = setting(5e-4, "Learning rate; LARS needs a much larger one than AdamW: about 0.3 for each 256 pairs of "
                        "a batch.", minimum=0, maximum=10)  # fmt: skip
    weight_decay: float = setting(1e-6, "Weight decay.", minimum=0, maximum=1)
    ema: float = setting(0.0, "Momentum of a moving average of the encoder's weights, such as 0.999; the average is "
                         "then evaluated and exported. 0: no average.", minimum=0, maximum=0.999999)  # fmt: skip


def make_optimizer(
    name: str, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Make an optimizer.

    Args:
        name: one of OPTIMIZERS.
        parameters: one group, or groups with their own learning rates.
        lr: learning rate of the groups that have none of their own.
        weight_decay: of all weights; LARS leaves biases and norms out.

    Returns:
        the optimizer.
    """
    if name == "lars":
        return LARS(parameters, lr, weight_decay=weight_decay)
    return torch.optim.AdamW(parameters, lr, weight_decay=weight_decay, fused=True)


class LARS(torch.optim.Optimizer):
    """Momentum SGD in which the step of each layer is a fixed share of the norm of its weights:

        d = gradient + weight_decay w,   v <- momentum v + trust |w| / |d| d,   w <- w - lr v

    Biases and the weights of norm layers (all vectors) use v <- momentum v + gradient.
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
        """The defaults of momentum and trust are those of SimCLR and MoCo v3."""
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
    """Return the factor of a layer's step, a scalar on the device; 1 if weights or step are zero."""
    length, step_length = torch.linalg.vector_norm(weight), torch.linalg.vector_norm(change)
    factor = trust * length / step_length
    return torch.where((length > 0) & (step_length > 0), factor, torch.ones_like(factor))


@dataclass(frozen=True)
class Schedule:
    """The learning rate over a run: a warm-up, then constant or a cosine to zero (Loshchilov, Hutter 2017).

    warmup: number of updates of the linear warm-up; total: number of updates after which the rate is zero; 0: constant.
    """

    warmup: int = 0
    total: int = 0

    def factor(self, steps: int) -> float:
        """Return the factor of the learning rate in the update that follows `steps` others."""
        if steps < self.warmup:
            return (steps + 1) / self.warmup
        if self.total == 0:
            return 1.0
        done = (steps - self.warmup) / max(1, self.total - self.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
