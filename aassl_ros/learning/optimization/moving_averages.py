"""Copies whose weights follow those of a module: one to learn from (BYOL, MoCo v3), one to evaluate (Polyak 1992)."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn


class MomentumCopy(nn.Module):
    """A copy of a module whose weights follow the module's: w_copy <- momentum w_copy + (1 - momentum) w.

    It learns nothing itself. Batch norm works on the batch at hand, as in the module, with statistics of its own.
    """

    def __init__(self, source: nn.Module, momentum: float) -> None:
        super().__init__()
        self.copy = deepcopy(source).requires_grad_(False)
        self.momentum = momentum
        self._source = (source,)  # within a tuple, lest its weights count as weights of this module

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Any:
        return self.copy(*inputs)

    @torch.no_grad()
    def follow(self) -> None:
        """Move towards the source; to be called after the optimizer's step."""
        for slow, weight in zip(self.copy.parameters(), self._source[0].parameters(), strict=True):
            slow.lerp_(weight, 1 - self.momentum)


class AveragedEncoder:
    """encoder: the average, in evaluation mode; it learns nothing and influences nothing.

        average <- m average + (1 - m) weights,   m = min(momentum, (1 + steps) / (10 + steps))

    so that the first, random weights are soon forgotten. Batch norm's statistics are averaged alike.
    """

    def __init__(self, source: nn.Module, momentum: float) -> None:
        """source: where it shall be, on its device."""
        self.encoder = deepcopy(source).requires_grad_(False).eval()
        self.momentum = momentum
        self._source = source

    @torch.no_grad()
    def follow(self, steps: int) -> None:
        """Take in the source's weights after its update number `steps`, counted from 1."""
        share = 1 - min(self.momentum, (1 + steps) / (10 + steps))
        own, newest = self.encoder.state_dict(), self._source.state_dict()
        for name, average in own.items():
            if average.is_floating_point():
                average.lerp_(newest[name], share)
            else:
                average.copy_(newest[name])  # the count of batches
