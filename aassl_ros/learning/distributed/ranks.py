"""The batch of all ranks: in data-parallel training a loss uses the rows of every process.

A rank is one of R processes that train one model; process_group.py connects them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from aassl_ros.errors import ConfigError, TrainingError


def rank_count() -> int:
    """Return R, the number of processes that train together; 1 if torch.distributed is not in use."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def own_rank() -> int:
    """Return the number of this process, 0 to R - 1; rank 0 writes the log and checkpoints."""
    return distributed.get_rank() if rank_count() > 1 else 0


def local_rows(count: int, parts: int = 1) -> slice | NDArray[np.int64]:
    """Return this rank's rows of a batch of `count`, as an index into arrays; all rows if there are no other ranks.

    parts: number of parts in which the batch is processed; each rank gets its share of each part, part after part.
    Raises ConfigError if the rows cannot be divided equally.
    """
    ranks, rank = rank_count(), own_rank()
    if ranks == 1:
        return slice(None)
    if count % (ranks * parts):
        raise ConfigError(
            f"batch = {count} cannot be divided equally: choose a multiple of {ranks * parts}"
            + (f" ({ranks} processes)." if parts == 1 else f" ({ranks} processes, {parts} parts).")
        )
    return np.arange(count).reshape(parts, ranks, -1)[:, rank].reshape(-1)


def gather_rows(rows: Tensor) -> Tensor:
    """Gather rows float [N, D] from all R ranks: [R N, D], in order of rank; without other ranks, `rows` itself.

    The backward pass sums the gradient over ranks. If each rank computes the loss of the whole batch, and DDP averages
    the gradients of the weights, the update is that of one process with the whole batch.
    Raises TrainingError, on every rank, if shapes differ between ranks.
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
        distributed.all_reduce(total)  # then take a part: gloo, which tests use, has no reduce_scatter
        return total.chunk(rank_count())[distributed.get_rank()]


def _check_shapes(rows: Tensor) -> None:
    # Collectives on unequal shapes hang or mix up rows, depending on the backend. Shapes go from CPU to CPU: reading
    # them from a GPU would wait for all its pending work.
    own = torch.tensor(rows.shape)
    shapes = [torch.empty_like(own) for _ in range(rank_count())]
    distributed.all_gather(shapes, own)
    found = [tuple(shape.tolist()) for shape in shapes]
    if len(set(found)) > 1:
        raise TrainingError(f"ranks have batches of unequal shapes {found}. Give every rank the same number of pairs.")
