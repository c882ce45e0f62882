"""BYOL's loss (Grill et al. 2020, equation 2): how far a prediction points away from its target."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import gather_embeddings


def byol(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean of 2 - 2 cos(prediction[i], target[i]) over all ranks: 0 where they agree, 2 at right angles, at most 4.

    prediction, target: float [N, D], any norm. The target is learnt from as well unless it comes without gradient.
    """
    prediction, target = gather_embeddings(prediction, target)
    cosine = (functional.normalize(prediction, dim=1) * functional.normalize(target, dim=1)).sum(dim=1)
    return (2 - 2 * cosine).mean()
