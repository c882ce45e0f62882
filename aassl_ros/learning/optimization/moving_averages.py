"""Moving averages of weights: a momentum copy for training (BYOL, MoCo v3), and one to evaluate (Polyak 1992)."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn


class MomentumCopy(nn.Module):
    """A copy of a module whose weights follow the module's: w_copy <- momentum w_copy + (1 - momentum) w.

    It gets no gradients. In training its batch norm uses the statistics of the current batch, as in the module.
    """

    def __init__(self, source: nn.Module, momentum: float) -> None:
        super().__init__()
        self.copy = deepcopy(source).requires_grad_(False)
        self.momentum = momentum
        self._source = (source,)  # in a tuple, so that its weights are not registered as weights of this module

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Any:
        return self.copy(*inputs)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the copy towards the source. Call it after the optimizer's step."""
        for slow, weight in zip(self.copy.parameters(), self._source[0].parameters(), strict=True):
            slow.lerp_(weight, 1 - self.momentum)


class AveragedEncoder:
    """A moving average of an encoder's weights, for evaluation; it has no effect on the training.

        average <- m average + (1 - m) weights,   m = min(momentum, (1 + steps) / (10 + steps))

    The smaller m of the first updates removes the random weights quickly. Batch norm's statistics are averaged, too.
    encoder: the average, in evaluation mode.
    """

    def __init__(self, source: nn.Module, momentum: float) -> None:
        """source: already on its device."""
        self.encoder = deepcopy(source).requires_grad_(False).eval()
        self.momentum = momentum
        self._source = source

    @torch.no_grad()
    def follow(self, steps: int) -> None:
        """Average in the source's weights after its update number `steps`, counted from 1."""
        share = 1 - min(self.momentum, (1 + steps) / (10 + steps))
        own, newest = self.encoder.state_dict(), self._source.state_dict()
        for name, average in own.items():
            if average.is_floating_point():
                average.lerp_(newest[name], share)
            else:
                average.copy_(newest[name])  # the count of batches
