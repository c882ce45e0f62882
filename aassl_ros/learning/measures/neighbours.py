"""The nearest views of other objects."""

from __future__ import annotations

import torch
from torch import Tensor

_BLOCK = 1024


def nearest(asked: Tensor, known: Tensor, count: int, asked_objects: Tensor, objects: Tensor) -> tuple[Tensor, Tensor]:
    """Find the nearest views of other objects.

    Args:
        asked: directions, float [N, D].
        known: directions, float [G, D].
        count: how many neighbours; fewer if G is smaller.
        asked_objects: int64 [N], the object of each; -1: none of the known ones.
        objects: int64 [G].

    Returns:
        Cosines float [N, K], -inf for a view of the same object, and places int64 [N, K].
    """
    count = min(count, len(known))
    found = [
        (block @ known.T).masked_fill(own[:, None] == objects[None, :], -torch.inf).topk(count, dim=1)
        for block, own in zip(asked.split(_BLOCK), asked_objects.split(_BLOCK), strict=True)
    ]
    if not found:
        return asked.new_zeros(0, count), objects.new_zeros(0, count)
    return torch.cat([one.values for one in found]), torch.cat([one.indices for one in found])
