"""The batch of all ranks: in data-parallel training a loss looks at the rows of every process, and teaches each.

A rank is one of R processes that learn together; distributed.py says how they meet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from aassl_ros.errors import ConfigError, TrainingError


def rank_count() -> int:
    """R: the processes that learn together, 1 where torch.distributed is not in use."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def own_rank() -> int:
    """The number of this process among them, 0 to R - 1; the first writes the log and checkpoints."""
    return distributed.get_rank() if rank_count() > 1 else 0


def local_rows(count: int, parts: int = 1) -> slice | NDArray[np.int64]:
    """This rank's rows of a batch of `count`, an index into arrays: all of them where there are no other ranks.

    parts: where the batch is learnt from in so many parts, each rank has its share of each part, part after part.
    Raises ConfigError where the rows cannot be shared out evenly.
    """
    ranks, rank = rank_count(), own_rank()
    if ranks == 1:
        return slice(None)
    if count % (ranks * parts):
        raise ConfigError(
            f"batch = {count} cannot be shared out evenly: take a multiple of {ranks * parts}"
            + (f" ({ranks} processes)." if parts == 1 else f" ({ranks} processes, {parts} parts).")
        )
    return np.arange(count).reshape(parts, ranks, -1)[:, rank].reshape(-1)


def gather_rows(rows: Tensor) -> Tensor:
    """rows float [N, D] of this rank -> [R N, D] of all R ranks, in order of rank; without other ranks: rows itself.

    The gradient is summed over ranks on its way back. So where each rank computes the loss of the whole batch, and the
    gradients of weights are averaged over ranks as DDP does, the weights learn what one process with the whole batch
    would teach them. Raises TrainingError, on every rank, where shapes differ between ranks.
    """
    return rows if rank_count() == 1 else _GatherRows.apply(rows)


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        _check_shapes(rows)
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(rank_count())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)  # all of it and then a part: gloo, which tests use, cannot reduce and scatter
        return total.chunk(rank_count())[distributed.get_rank()]


def _check_shapes(rows: Tensor) -> None:
    # Collectives on unequal shapes hang or mix up rows, depending on the backend. Shapes go from CPU to CPU: reading
    # them from a GPU means to wait for all that it has to do.
    own = torch.tensor(rows.shape)
    shapes = [torch.empty_like(own) for _ in range(rank_count())]
    distributed.all_gather(shapes, own)
    found = [tuple(shape.tolist()) for shape in shapes]
    if len(set(found)) > 1:
        raise TrainingError(f"ranks hold batches of unequal shapes {found}. Give every rank the same number of pairs.")
