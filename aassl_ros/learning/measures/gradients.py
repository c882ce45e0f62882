"""Whether two losses pull the features the same way: the cosine between their gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient_cosine(first: Tensor, second: Tensor, features: Sequence[Tensor]) -> float:
    """Cosine of the gradients of two scalar losses by all entries of `features`, which both were computed from.

    1: both pull the same way, 0: across each other, -1: against each other; 0 where one does not pull at all.
    """
    pulls = []
    for loss in (first, second):
        # A loss need not look at all of the features: then it does not pull at those.
        parts = torch.autograd.grad(loss, list(features), retain_graph=True, materialize_grads=True)
        pulls.append(torch.cat([part.flatten() for part in parts]).double())
    norms = pulls[0].norm() * pulls[1].norm()
    return float(pulls[0] @ pulls[1] / norms) if norms > 0 else 0.0
