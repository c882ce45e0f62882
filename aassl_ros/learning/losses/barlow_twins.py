"""Barlow Twins (Zbontar et al. 2021, equation 1): pulls the cross-correlation of two embeddings to the identity."""

from __future__ import annotations

import torch
from torch import Tensor

from aassl_ros.learning.losses.gather import full_precision, gather_embeddings

_SMALLEST_VARIANCE = 1e-5  # as in batch norm


def barlow_twins(u: Tensor, v: Tensor, *, redundancy: float = 5e-3) -> Tensor:
    """Compute the Barlow Twins loss: [sum over i of (1 - C_ii)^2 + redundancy sum over i != j of C_ij^2] / D.

    C is the D x D cross-correlation of u and v; their columns are standardised over the rows of all ranks.

    Args:
        u, v: embeddings, float [N, D].
        redundancy: weight of the entries off the diagonal.

    Returns:
        a scalar. It is divided by D, unlike in the paper: before training it is then near 1 for every width.

    Raises:
        ValueError: the shapes differ, or there are fewer than two rows.

    Source: Zbontar et al. 2021, equation 1.
    """
    u, v = gather_embeddings(u, v)
    with full_precision(u):
        correlation = _standardised(u).T @ _standardised(v) / len(u)
    columns = u.shape[1]
    between = ~torch.eye(columns, dtype=torch.bool, device=u.device)
    return ((1 - correlation.diagonal()).square().sum() + redundancy * (correlation.square() * between).sum()) / columns


def _standardised(rows: Tensor) -> Tensor:
    """float [M, D] with columns of mean 0 and variance 1; a column that does not vary becomes 0."""
    return (rows - rows.mean(dim=0)) / torch.sqrt(rows.var(dim=0, correction=0) + _SMALLEST_VARIANCE)
