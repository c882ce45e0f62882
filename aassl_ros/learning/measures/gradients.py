"""Whether two losses pull the features the same way: the cosine between their gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient_cosine(first: Tensor, second: Tensor, features: Sequence[Tensor]) -> float:
    """Cosine of the gradients of two scalar losses by all entries of `features`, which both were computed from.

    1: both pull the same way, 0: across each other, -1: against each other; 0 where one does not pull at all.
    """
    gradients = [
        torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(features), retain_graph=True)]).double()
        for loss in (first, second)
    ]
    norms = gradients[0].norm() * gradients[1].norm()
    return float(gradients[0] @ gradients[1] / norms) if norms > 0 else 0.0
