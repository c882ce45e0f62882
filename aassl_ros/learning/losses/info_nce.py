"""The contrastive loss of MoCo v3 (Chen, Xie, He 2021, algorithm 1): each query finds its key among all keys."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.losses.gather import full_precision, gather_embeddings
from aassl_ros.learning.losses.nt_xent import others


def info_nce(query: Tensor, key: Tensor, *, temperature: float, same: Tensor | None = None) -> Tensor:
    """Compute the contrastive loss of MoCo v3: each query finds its key among the keys of all ranks.

    It is 2 tau times the cross entropy of query[i] with key[i]. No gradient flows into the keys.

    Args:
        query, key: embeddings, float [N, D], of any norm. The rows of all R ranks are gathered.
        temperature: tau, above 0.
        same: bool [M, M] with M = R N. Where it is true, key j is not a negative of query i (its diagonal is ignored).

    Returns:
        a scalar; near 2 tau log(M) before training.

    Raises:
        ValueError: the shapes differ, or M < 2.

    Source: Chen, Xie, He 2021, algorithm 1.
    """
    query, key = gather_embeddings(query, key.detach())
    with full_precision(query):
        similarity = functional.normalize(query, dim=1) @ functional.normalize(key, dim=1).T / temperature
    if same is not None:
        similarity = similarity.masked_fill(others(same, len(query)), float("-inf"))
    own = torch.arange(len(query), device=query.device)
    return 2 * temperature * functional.cross_entropy(similarity, own)
