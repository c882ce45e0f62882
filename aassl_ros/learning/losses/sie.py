"""SIE (Garrido, Najman, LeCun 2023): half of an embedding is invariant, half is predicted from the action."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import gather_embeddings
from aassl_ros.learning.losses.vicreg import correlation_loss, spread_loss


def sie(
    invariant: Tensor, invariant_next: Tensor, equivariant: Tensor, equivariant_next: Tensor, predicted: Tensor
) -> Tensor:
    """Compute SIE's loss: one half of the embedding is invariant, the other half is predicted from the action.

    10 MSE(invariant pair) + 4.5 MSE(predicted, equivariant_next) + 10 spread + 10 spread(predicted) + correlation.
    Spread and correlation are VICReg's, of both halves side by side [M, 2 E], so that the halves do not carry the same
    information. Spreads are halved, correlations are not. All are over the rows of all ranks.

    Args:
        invariant, equivariant: projections of the two halves of the first image's features, float [N, E].
        invariant_next, equivariant_next: the same of the second image, float [N, E].
        predicted: equivariant_next as predicted from `equivariant` and the action, float [N, E].

    Returns:
        a scalar.

    Raises:
        ValueError: the shapes differ, or there are fewer than two rows.

    Source: Garrido, Najman, LeCun 2023.
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
