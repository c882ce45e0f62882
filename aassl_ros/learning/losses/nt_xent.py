"""NT-Xent between two sets of embeddings (Chen et al. 2020, equation 1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import full_precision, gather_embeddings


def nt_xent(u: Tensor, v: Tensor, *, temperature: float, same: Tensor | None = None) -> Tensor:
    """Mean loss of the pairs (u[i], v[i]), both ways, against every other row of both sets, over all ranks.

    u, v: float [N, D], any norm. temperature: above 0.
    same: bool [M, M] over the M = R N pairs of all ranks; where it is true, pair j is not a negative of pair i (its
    diagonal is ignored).
    Returns a scalar in nats, float32 or better; near chance(M) before training.
    Raises ValueError if the shapes differ or M < 2: without negatives the loss is undefined.
    """
    u, v = gather_embeddings(u, v)
    rows = functional.normalize(torch.cat([u, v]), dim=1)
    with full_precision(rows):
        similarity = rows @ rows.T / temperature
    hidden = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    if same is not None:
        hidden = hidden | others(same, len(u)).repeat(2, 2)
    similarity = similarity.masked_fill(hidden, float("-inf"))
    partner = torch.arange(len(rows), device=rows.device).roll(len(u))
    return functional.cross_entropy(similarity, partner)  # -similarity[i, partner] + logsumexp over the others


def others(same: Tensor, pairs: int) -> Tensor:
    """Return `same` bool [M, M] with its diagonal set to false. Raises ValueError if M is not `pairs`."""
    if same.shape != (pairs, pairs):
        raise ValueError(f"same {tuple(same.shape)}, expected {(pairs, pairs)}: one row for each pair of all ranks")
    return same & ~torch.eye(pairs, dtype=torch.bool, device=same.device)


def chance(pairs: int) -> float:
    """NT-Xent in nats of embeddings that carry no information, in a batch of N = `pairs` pairs: log(2 N - 1)."""
    return math.log(2 * pairs - 1)
