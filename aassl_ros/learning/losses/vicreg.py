"""VICReg (Bardes, Ponce, LeCun 2022): invariance, variance and covariance of two embeddings."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import full_precision, gather_embeddings

_SMALLEST_VARIANCE = 1e-4  # as published; it keeps the slope of the square root finite if nothing varies


def vicreg(
    u: Tensor, v: Tensor, *, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> Tensor:
    """Compute VICReg's loss: invariance, variance and covariance of two embeddings, over the rows of all ranks.

    It is invariance MSE(u, v) + variance (spread(u) + spread(v)) / 2 + covariance (correlation(u) + correlation(v)).

    Args:
        u, v: embeddings, float [N, D].
        invariance, variance, covariance: weights of the three terms; the defaults are as published.

    Returns:
        a scalar. It has no chance level.

    Raises:
        ValueError: the shapes differ, or there are fewer than two rows.

    Source: Bardes, Ponce, LeCun 2022.
    """
    u, v = gather_embeddings(u, v)
    alike = functional.mse_loss(u, v)
    return (
        invariance * alike
        + variance * (spread_loss(u) + spread_loss(v)) / 2
        + covariance * (correlation_loss(u) + correlation_loss(v))
    )


def spread_loss(rows: Tensor) -> Tensor:
    """Shortfall of the standard deviation of each column below 1, the mean over columns. rows: float [M, D]."""
    return functional.relu(1 - torch.sqrt(rows.var(dim=0) + _SMALLEST_VARIANCE)).mean()


def correlation_loss(rows: Tensor) -> Tensor:
    """Sum of the squared covariances between different columns, divided by D. rows: float [M, D]."""
    centred = rows - rows.mean(dim=0)
    with full_precision(rows):
        covariance = centred.T @ centred / (len(rows) - 1)
    columns = rows.shape[1]
    between = ~torch.eye(columns, dtype=torch.bool, device=rows.device)
    return (covariance.square() * between).sum() / columns
