"""Cross entropy of both images of a pair with the category of the object they show."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.distributed.ranks import gather_rows
from aassl_ros.learning.losses.gather import gather_embeddings


def classification(first: Tensor, second: Tensor, target: Tensor) -> Tensor:
    """first, second: logits float [N, C]; target: int64 [N], 0 to C - 1. Returns a scalar in nats, over all ranks.

    The mean over both images; log(C) where nothing is told.
    """
    first, second = gather_embeddings(first, second)
    target = gather_rows(target)
    return (functional.cross_entropy(first, target) + functional.cross_entropy(second, target)) / 2
