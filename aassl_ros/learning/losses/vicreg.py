"""VICReg (Bardes, Ponce, LeCun 2022): alike, spread out, and uncorrelated."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import full_precision, gather_embeddings

_SMALLEST_VARIANCE = 1e-4  # as published; it keeps the slope of the square root finite where nothing varies


def vicreg(
    u: Tensor, v: Tensor, *, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> Tensor:
    """invariance MSE(u, v) + variance (spread(u) + spread(v)) / 2 + covariance (correlation(u) + correlation(v)).

    u, v: float [N, D]; all three are over the rows of all ranks. Unlike a contrastive loss it is not bounded by chance.
    """
    u, v = gather_embeddings(u, v)
    alike = functional.mse_loss(u, v)
    return (
        invariance * alike
        + variance * (spread_loss(u) + spread_loss(v)) / 2
        + covariance * (correlation_loss(u) + correlation_loss(v))
    )


def spread_loss(rows: Tensor) -> Tensor:
    """How far the standard deviation of each column of float [M, D] falls short of 1, the mean over columns."""
    return functional.relu(1 - torch.sqrt(rows.var(dim=0) + _SMALLEST_VARIANCE)).mean()


def correlation_loss(rows: Tensor) -> Tensor:
    """The squared covariances between different columns of float [M, D], their sum over D."""
    centred = rows - rows.mean(dim=0)
    with full_precision(rows):
        covariance = centred.T @ centred / (len(rows) - 1)
    columns = rows.shape[1]
    between = ~torch.eye(columns, dtype=torch.bool, device=rows.device)
    return (covariance.square() * between).sum() / columns
