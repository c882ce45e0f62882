"""Consistency in time: similarity of the features of consecutive frames, compared with that of random frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Consistency:
    """Mean cosines of centred features. neighbours: of consecutive frames; random_pairs: of random pairs of them."""

    neighbours: float
    random_pairs: float


def consistency(frames: Tensor, followers: Tensor, mean: Tensor, generator: torch.Generator) -> Consistency | None:
    """Measure the consistency of features in time.

    frames, followers: features float [N, D]; row i of `followers` is of the frame after row i of `frames`.
    mean: float [D], of the training features; it is subtracted first. generator: for the random pairs, on the CPU.
    Returns None if N < 2.
    """
    count = len(frames)
    if count < 2:
        return None
    one, other = (functional.normalize(rows - mean, dim=1) for rows in (frames, followers))
    # A random order, shifted by one: no frame is paired with its own follower.
    order = torch.randperm(count, generator=generator).to(frames.device)
    return Consistency(
        neighbours=float((one * other).sum(dim=1).mean()),
        random_pairs=float((one[order] * other[order.roll(1)]).sum(dim=1).mean()),
    )
