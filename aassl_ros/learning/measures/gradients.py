"""Agreement of two losses: the cosine between their gradients with respect to the features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient_cosine(first: Tensor, second: Tensor, features: Sequence[Tensor]) -> float:
    """Cosine of the gradients of two scalar losses with respect to all entries of `features`.

    Both losses must be computed from `features`. Returns 1 for the same direction, 0 for right angles, -1 for opposite
    directions; 0 if one gradient is zero.
    """
    gradients = []
    for loss in (first, second):
        # A loss need not use all of the features: its gradient is then zero for the others.
        parts = torch.autograd.grad(loss, list(features), retain_graph=True, materialize_grads=True)
        gradients.append(torch.cat([part.flatten() for part in parts]).double())
    norms = gradients[0].norm() * gradients[1].norm()
    return float(gradients[0] @ gradients[1] / norms) if norms > 0 else 0.0
