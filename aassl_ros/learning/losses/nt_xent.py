"""NT-Xent between two sets of embeddings (Chen et al. 2020, equation 1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def nt_xent(u: Tensor, v: Tensor, *, temperature: float) -> Tensor:
    """Mean loss of the pairs (u[i], v[i]), both ways, against every other row of both sets.

    u, v: float [N, D], any norm. Returns a scalar in nats, at least float32; unlearnt it stands near chance(N).
    Raises ValueError if the shapes differ or N < 2: without negatives the loss is undefined.
    """
    if u.shape != v.shape or u.ndim != 2 or len(u) < 2:
        raise ValueError(f"embeddings {tuple(u.shape)} and {tuple(v.shape)}, expected two of one shape [N, D], N >= 2")
    # Half precision would lose the small differences between cosines that a low temperature blows up.
    precision = torch.promote_types(u.dtype, torch.float32)
    rows = functional.normalize(torch.cat([u, v]).to(precision), dim=1)
    with torch.autocast(rows.device.type, enabled=False):
        similarity = rows @ rows.T / temperature
    similarity = similarity.masked_fill(torch.eye(len(rows), dtype=torch.bool, device=rows.device), float("-inf"))
    partner = torch.arange(len(rows), device=rows.device).roll(len(u))
    return functional.cross_entropy(similarity, partner)  # -similarity[i, partner] + logsumexp over the others


def chance(pairs: int) -> float:
    """The loss in nats of embeddings that tell nothing, in a batch of `pairs` pairs: log(2 N - 1)."""
    return math.log(2 * pairs - 1)
