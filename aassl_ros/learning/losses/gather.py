"""The first step of every loss: check the shapes of embeddings, gather them from all ranks, raise their precision."""

from __future__ import annotations

import torch
from torch import Tensor

from aassl_ros.learning.distributed.ranks import gather_rows, rank_count


def gather_embeddings(*embeddings: Tensor) -> tuple[Tensor, ...]:
    """Gather embeddings from all R ranks, in float32 or better.

    embeddings: float [N, D] each. Returns as many, float [R N, D] each, in order of rank.
    Half precision would lose small differences between cosines and small variances.
    Raises ValueError if the shapes differ or the whole batch has fewer than two rows.
    """
    first = embeddings[0]
    shapes = " and ".join(str(tuple(embedding.shape)) for embedding in embeddings)
    expected = f"embeddings {shapes}, expected {'two' if len(embeddings) == 2 else 'all'} of one shape [N, D], N >= 2"
    if first.ndim != 2 or any(embedding.shape != first.shape for embedding in embeddings):
        raise ValueError(expected)
    precision = torch.promote_types(first.dtype, torch.float32)
    rows = tuple(embedding.to(precision) for embedding in embeddings)
    if rank_count() > 1:
        # Side by side, so that ranks exchange them all in one call.
        rows = gather_rows(torch.cat(rows, dim=1)).split(first.shape[1], dim=1)
    if len(rows[0]) < 2:
        raise ValueError(expected)
    return rows


def full_precision(rows: Tensor) -> torch.autocast:
    """Return a context in which products of `rows` keep the precision of `rows`: it switches autocast off."""
    return torch.autocast(rows.device.type, enabled=False)
