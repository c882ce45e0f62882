"""Weights of negatives and of pairs in a contrastive loss, by the actions of the pairs."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def negative_weights(actions: Tensor, hardness: float) -> Tensor:
    """Weight negatives by how similar their action is to the anchor's: exp(-hardness d / mean d), of mean 1.

    The distance d of two actions is that of their normalised entries. A large hardness trains the action term on small
    differences of action.

    Args:
        actions: normalised, float [M, A], of all ranks.
        hardness: 0: all weights are 1.

    Returns:
        float64 [M, M], above 0; the mean over each row's others is 1, so that the chance level stays.
    """
    actions = actions.double()
    distance = torch.cdist(actions, actions)
    others = ~torch.eye(len(actions), dtype=torch.bool, device=actions.device)
    usual = distance[others].mean().clamp_min(1e-12)
    # At most exp(-50): a weight of zero would make its logarithm infinite.
    weights = torch.exp(-(hardness * distance / usual).clamp_max(50.0)) * others
    return (weights / weights.sum(1, keepdim=True) * (len(actions) - 1)).clamp_min(1e-30)


@torch.no_grad()
def pair_weights(actions: Tensor, decay: float) -> Tensor:
    """Weight pairs by the size of their action: exp(-decay |a| / mean |a|), of mean 1.

    Args:
        actions: normalised, float [M, A], of all ranks.
        decay: 0: all weights are 1.

    Returns:
        float64 [M], above 0.
    """
    size = actions.double().norm(dim=1)
    weights = torch.exp(-(decay * size / size.mean().clamp_min(1e-12)).clamp_max(50.0))
    return weights / weights.mean()
