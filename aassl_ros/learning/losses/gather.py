"""The first step of every loss: check the shapes of embeddings, gather them from all ranks, raise their precision."""

from __future__ import annotations

import torch
from torch import Tensor

from aassl_ros.learning.distributed.ranks import gather_rows, rank_count


def gather_embeddings(*embeddings: Tensor) -> tuple[Tensor, ...]:
    """Gather the embeddings of all R ranks, with gradient, in float32 or better.

    Half precision would lose what distinguishes embeddings: small differences between cosines, and small variances.

    Args:
        embeddings: float [N, D] each.

    Returns:
        the same embeddings of all ranks, [R N, D] each; without other ranks, the embeddings themselves.

    Raises:
        ValueError: they are not all of one shape, or the whole batch has fewer than two rows.
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
    """Make a context in which products of `rows` keep their own precision, even inside mixed precision.

    Args:
        rows: any tensor; its device counts.

    Returns:
        the context, for a `with`.
    """
    return torch.autocast(rows.device.type, enabled=False)
