"""BYOL's loss (Grill et al. 2020, equation 2): the distance in direction between a prediction and its target."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import gather_embeddings


def byol(prediction: Tensor, target: Tensor) -> Tensor:
    """Compute BYOL's loss: the mean of 2 - 2 cos(prediction[i], target[i]) over all ranks.

    The gradient flows into the target, too: detach it if it should not.

    Args:
        prediction, target: float [N, D], of any norm.

    Returns:
        a scalar from 0 (same direction) to 4 (opposite); 2 for right angles.

    Raises:
        ValueError: the shapes differ, or there are fewer than two rows.

    Source: Grill et al. 2020, equation 2.
    """
    prediction, target = gather_embeddings(prediction, target)
    cosine = (functional.normalize(prediction, dim=1) * functional.normalize(target, dim=1)).sum(dim=1)
    return (2 - 2 * cosine).mean()
