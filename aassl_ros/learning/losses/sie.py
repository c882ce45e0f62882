"""SIE (Garrido, Najman, LeCun 2023): one half of an embedding stays, the other moves as the action says."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import gather_embeddings
from aassl_ros.learning.losses.vicreg import correlation_loss, spread_loss


def sie(
    invariant: Tensor, invariant_next: Tensor, equivariant: Tensor, equivariant_next: Tensor, predicted: Tensor
) -> Tensor:
    """10 MSE(invariant pair) + 4.5 MSE(predicted, equivariant_next) + 10 spread + 10 spread(predicted) + correlation.

    All float [N, E], projections of the two halves of both images' features; predicted: what the action makes of
    `equivariant`. Spread and correlation are those of VICReg, on both halves side by side [M, 2 E], so that the halves
    do not tell the same; spreads are halved, correlations are not. Over the rows of all ranks.
    """
    invariant, invariant_next, equivariant, equivariant_next, predicted = gather_embeddings(
        invariant, invariant_next, equivariant, equivariant_next, predicted
    )
    whole = torch.cat([invariant, equivariant], dim=1)
    whole_next = torch.cat([invariant_next, equivariant_next], dim=1)
    return (
        10 * functional.mse_loss(invariant, invariant_next)
        + 4.5 * functional.mse_loss(predicted, equivariant_next)
        + 10 * (spread_loss(whole) + spread_loss(whole_next)) / 2
        + 10 * spread_loss(predicted) / 2
        + correlation_loss(whole)
        + correlation_loss(whole_next)
    )
