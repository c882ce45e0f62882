"""NT-Xent between two sets of embeddings (Chen et al. 2020, equation 1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import full_precision, gather_embeddings


def nt_xent(
    u: Tensor,
    v: Tensor,
    *,
    temperature: float,
    same: Tensor | None = None,
    negative_weights: Tensor | None = None,
    pair_weights: Tensor | None = None,
) -> Tensor:
    """Compute NT-Xent: the mean loss of the pairs (u[i], v[i]), both ways, against all other rows of both sets.

    Args:
        u, v: embeddings, float [N, D], of any norm. The rows of all R ranks are gathered.
        temperature: above 0.
        same: bool [M, M] with M = R N. Where it is true, pair j is not a negative of pair i (its diagonal is ignored).
        negative_weights: float [M, M], above 0: how often pair j counts as a negative of pair i (its diagonal is
            ignored); None: once.
        pair_weights: float [M], at least 0: weights of the pairs in the mean; None: all the same.

    Returns:
        a scalar in nats, float32 or better; near chance(M) before training.

    Raises:
        ValueError: the shapes differ, or M < 2: without negatives the loss is undefined.

    Source: Chen et al. 2020, equation 1; weights of negatives as in Robinson et al. 2021, "Contrastive learning with
    hard negative samples", equation 4.
    """
    u, v = gather_embeddings(u, v)
    rows = functional.normalize(torch.cat([u, v]), dim=1)
    with full_precision(rows):
        similarity = rows @ rows.T / temperature
    hidden = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    if same is not None:
        hidden = hidden | others(same, len(u)).repeat(2, 2)
    similarity = similarity.masked_fill(hidden, float("-inf"))
    if negative_weights is not None:
        one = torch.eye(len(u), dtype=torch.bool, device=rows.device)
        similarity = similarity + negative_weights.masked_fill(one, 1.0).log().repeat(2, 2).to(similarity)
    partner = torch.arange(len(rows), device=rows.device).roll(len(u))
    # -similarity[i, partner] + logsumexp over the others
    if pair_weights is None:
        return functional.cross_entropy(similarity, partner)
    losses = functional.cross_entropy(similarity, partner, reduction="none")
    weights = pair_weights.repeat(2).to(losses)
    return (weights * losses).sum() / weights.sum()


def others(same: Tensor, pairs: int) -> Tensor:
    """Return `same` bool [M, M] with its diagonal set to false. Raises ValueError if M is not `pairs`."""
    if same.shape != (pairs, pairs):
        raise ValueError(f"same {tuple(same.shape)}, expected {(pairs, pairs)}: one row for each pair of all ranks")
    return same & ~torch.eye(pairs, dtype=torch.bool, device=same.device)


def chance(pairs: int) -> float:
    """Compute the NT-Xent of embeddings that carry no information: log(2 N - 1).

    Args:
        pairs: number N of pairs in the batch, of all ranks.

    Returns:
        the loss in nats.
    """
    return math.log(2 * pairs - 1)
