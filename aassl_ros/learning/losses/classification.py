"""Cross entropy between the category of an object and the predictions for both images of a pair."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.distributed.ranks import gather_rows
from aassl_ros.learning.losses.gather import gather_embeddings


def classification(first: Tensor, second: Tensor, target: Tensor) -> Tensor:
    """Compute the cross entropy with the object's category, the mean over both images of each pair and over all ranks.

    Args:
        first, second: logits of the two images, float [N, C].
        target: int64 [N], 0 to C - 1.

    Returns:
        a scalar in nats; log(C) if the logits carry no information.

    Raises:
        ValueError: the shapes differ, or there are fewer than two rows.
    """
    first, second = gather_embeddings(first, second)
    target = gather_rows(target)
    return (functional.cross_entropy(first, target) + functional.cross_entropy(second, target)) / 2
