"""Finding a pair's action among those of a batch by the pair's joint embedding, and how often chance would find it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Retrieval:
    """Shares of pairs whose action is the nearest one, and among the five nearest; mean of 1 / rank of the nearest
    right one. Where an action occurs several times in a batch, each of its occurrences is right.
    """

    hit_at_1: float
    hit_at_5: float
    mean_reciprocal_rank: float


def retrieve(joint: Tensor, action: Tensor, same: Tensor, generator: torch.Generator) -> Retrieval:
    """Rank the N actions by their cosine with each joint embedding.

    joint, action: float [N, E], row i of one belonging to row i of the other; same: bool [N, N], which actions are the
    same, true on the diagonal. generator (CPU): orders candidates that score the same, so that embeddings that have
    collapsed score as chance does.
    """
    order = torch.randperm(len(action), generator=generator).to(action.device)
    scores = functional.normalize(joint, dim=1) @ functional.normalize(action[order], dim=1).T
    right = same[:, order].gather(1, scores.argsort(dim=1, descending=True, stable=True))
    first = right.int().argmax(dim=1)
    return Retrieval(
        hit_at_1=float((first < 1).double().mean()),
        hit_at_5=float((first < 5).double().mean()),
        mean_reciprocal_rank=float((1 / (first + 1).double()).mean()),
    )


def chance(same: Tensor) -> Retrieval:
    """What candidates in random order score, repeats counted. same: bool [N, N] as for `retrieve`."""
    count = same.shape[1]
    right = same.sum(dim=1).double().cpu()
    # Of the first rank the chance that it is k is (none before) times (right at k): drawn without replacement.
    none_before = torch.ones_like(right)
    hit_at_1 = hit_at_5 = reciprocal = torch.zeros_like(right)
    for rank in range(1, count + 1):
        found = none_before * (right / (count - rank + 1)).clamp(max=1)
        hit_at_1 = hit_at_1 + found if rank <= 1 else hit_at_1
        hit_at_5 = hit_at_5 + found if rank <= 5 else hit_at_5
        reciprocal = reciprocal + found / rank
        none_before = none_before - found
    return Retrieval(float(hit_at_1.mean()), float(hit_at_5.mean()), float(reciprocal.mean()))


def mean_retrieval(parts: list[Retrieval]) -> Retrieval:
    """Of batches of one size."""
    count = len(parts)
    return Retrieval(
        sum(part.hit_at_1 for part in parts) / count,
        sum(part.hit_at_5 for part in parts) / count,
        sum(part.mean_reciprocal_rank for part in parts) / count,
    )
