"""CIPER's regression of the action from two images."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import gather_embeddings


def ciper(prediction: Tensor, action: Tensor) -> Tensor:
    """Compute CIPER's loss: the mean squared error of predicted actions, over the entries of all ranks.

    Args:
        prediction, action: float [N, A], both normalised.

    Returns:
        a scalar; 1 for a constant prediction of standardised actions.

    Raises:
        ValueError: the shapes differ, or there are fewer than two rows.
    """
    prediction, action = gather_embeddings(prediction, action)
    return functional.mse_loss(prediction, action)
