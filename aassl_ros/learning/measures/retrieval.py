"""Retrieval of a pair's action among those of a batch by the pair's joint embedding, and its chance level."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Retrieval:
    """Results of a retrieval. If an action occurs several times in a batch, each occurrence is correct.

    hit_at_1, hit_at_5: share of pairs with a correct action at rank 1, and among the first five; mean_reciprocal_rank:
    mean of 1 / rank of the first correct one.
    """

    hit_at_1: float
    hit_at_5: float
    mean_reciprocal_rank: float


def retrieve(joint: Tensor, action: Tensor, same: Tensor, generator: torch.Generator) -> Retrieval:
    """Rank the N actions by their cosine with each joint embedding.

    joint, action: float [N, E]; row i of one belongs to row i of the other.
    same: bool [N, N], which actions are the same; true on the diagonal.
    generator: puts candidates with equal scores in random order, so that collapsed embeddings score like chance; CPU.
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
    """Expected score of candidates in random order. same: bool [N, N], as for `retrieve`."""
    count = same.shape[1]
    right = same.sum(dim=1).double().cpu()
    # P(first correct rank is k) = P(none before k) P(correct at k), drawn without replacement.
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
    """Average the results of batches of the same size."""
    count = len(parts)
    return Retrieval(
        sum(part.hit_at_1 for part in parts) / count,
        sum(part.hit_at_5 for part in parts) / count,
        sum(part.mean_reciprocal_rank for part in parts) / count,
    )
