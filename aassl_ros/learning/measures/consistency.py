"""How alike the features of frames that follow each other are, beside those of any two frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Consistency:
    """Mean cosine of centred features: of frames next to each other in time, and of random pairs of those frames."""

    neighbours: float
    random_pairs: float


def consistency(frames: Tensor, followers: Tensor, mean: Tensor, generator: torch.Generator) -> Consistency | None:
    """frames, followers: float [N, D], row i of one coming just after row i of the other; mean [D]: of the training
    features, taken off first. generator (CPU): of the random pairs. None for N < 2.
    """
    count = len(frames)
    if count < 2:
        return None
    one, other = (functional.normalize(rows - mean, dim=1) for rows in (frames, followers))
    # A random order, then one place on: nothing meets its own follower.
    order = torch.randperm(count, generator=generator).to(frames.device)
    return Consistency(
        neighbours=float((one * other).sum(dim=1).mean()),
        random_pairs=float((one[order] * other[order.roll(1)]).sum(dim=1).mean()),
    )
