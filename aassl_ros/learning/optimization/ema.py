"""An average of the encoder over the updates, which often evaluates better than its newest weights (Polyak 1992)."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


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
