"""What every loss begins with: embeddings that fit each other, of all ranks, precise enough to be compared."""

from __future__ import annotations

import torch
from torch import Tensor

from aassl_ros.learning.distributed.ranks import gather_rows, rank_count


def gather_embeddings(*embeddings: Tensor) -> tuple[Tensor, ...]:
    """embeddings: float [N, D] each -> the same of all R ranks [R N, D], in float32 at least.

    Half precision would lose what tells embeddings apart: small differences between cosines, small variances.
    Raises ValueError unless all are of one shape and the whole batch has two rows or more.
    """
    first = embeddings[0]
    shapes = " and ".join(str(tuple(embedding.shape)) for embedding in embeddings)
    expected = f"embeddings {shapes}, expected {'two' if len(embeddings) == 2 else 'all'} of one shape [N, D], N >= 2"
    if first.ndim != 2 or any(embedding.shape != first.shape for embedding in embeddings):
        raise ValueError(expected)
    precision = torch.promote_types(first.dtype, torch.float32)
    rows = tuple(embedding.to(precision) for embedding in embeddings)
    if rank_count() > 1:
        # Side by side, so that ranks exchange them at one stroke.
        rows = gather_rows(torch.cat(rows, dim=1)).split(first.shape[1], dim=1)
    if len(rows[0]) < 2:
        raise ValueError(expected)
    return rows


def full_precision(rows: Tensor) -> torch.autocast:
    """A context in which products of `rows` are computed in their own precision, whatever mixed precision reigns."""
    return torch.autocast(rows.device.type, enabled=False)
