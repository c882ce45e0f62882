"""Retrieval against ranks counted by hand, and chance against drawing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aassl_ros.learning.measures.retrieval import Retrieval, chance, mean_retrieval, retrieve


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def alike(labels: torch.Tensor) -> torch.Tensor:
    return labels[:, None] == labels


def test_ranks_are_those_counted_by_hand_and_a_repeat_of_the_action_is_right() -> None:
    joint, action = torch.randn(40, 6, generator=draws()), torch.randn(40, 6, generator=draws(1))
    labels = torch.arange(40) // 2
    u, v = (rows.numpy() / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (joint, action))
    ranks = []
    for i in range(40):
        scores = v @ u[i]
        best = max(scores[j] for j in range(40) if labels[j] == labels[i])
        ranks.append(1 + sum(scores[j] > best for j in range(40)))

    found = retrieve(joint, action, alike(labels), draws(2))

    assert found.hit_at_1 == pytest.approx(np.mean(np.array(ranks) <= 1))
    assert found.hit_at_5 == pytest.approx(np.mean(np.array(ranks) <= 5))
    assert found.mean_reciprocal_rank == pytest.approx(np.mean(1 / np.array(ranks)))


def test_embeddings_that_agree_retrieve_all_and_those_of_other_images_at_chance() -> None:
    rows = torch.randn(400, 32, generator=draws())
    same = torch.eye(400, dtype=torch.bool)

    assert retrieve(rows, rows, same, draws()) == Retrieval(1, 1, 1)
    shuffled = retrieve(rows[torch.randperm(400, generator=draws(1))], rows, same, draws())
    assert shuffled.hit_at_5 < 0.05


@pytest.mark.parametrize("collapsed", ["joint", "both"])
def test_collapsed_embeddings_retrieve_at_chance(collapsed: str) -> None:
    action = torch.ones(500, 4) if collapsed == "both" else torch.randn(500, 4, generator=draws())
    same = alike(torch.arange(500) % 50)  # each action ten times

    found = mean_retrieval([retrieve(torch.ones(500, 4), action, same, draws(seed)) for seed in range(5)])

    assert chance(same).hit_at_1 == pytest.approx(10 / 500)
    assert found.hit_at_1 == pytest.approx(10 / 500, abs=0.015)


def test_chance_is_that_of_candidates_in_random_order() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8])
    rng = np.random.default_rng(0)
    ranks = np.array(
        [1 + np.flatnonzero(labels.numpy()[rng.permutation(12)] == label)[0] for label in labels for _ in range(2000)]
    )

    found = chance(alike(labels))

    assert found.hit_at_1 == pytest.approx((3 * 3 + 2 * 2 + 7) / 144)
    assert found.hit_at_5 == pytest.approx(np.mean(ranks <= 5), abs=0.02)
    assert found.mean_reciprocal_rank == pytest.approx(np.mean(1 / ranks), abs=0.02)
