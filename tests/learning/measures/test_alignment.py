"""Alignment of views against its definition written out in loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from aassl_ros.learning.measures.alignment import view_alignment

CATEGORIES = np.array([0, 0, 0, 1, 1, 2])


def grid(views: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randn(len(CATEGORIES), views, 5, generator=torch.Generator().manual_seed(seed))


def test_it_is_what_its_definition_says() -> None:
    features, mean = grid(), torch.randn(5, generator=torch.Generator().manual_seed(1))
    centred = (features - mean).double().numpy()
    rows = centred / np.linalg.norm(centred, axis=2, keepdims=True)
    objects, views = rows.shape[:2]
    same_view: list[float] = []
    two_views: list[float] = []
    within: list[float] = []
    alike: list[float] = []
    unlike: list[float] = []
    for o, v, p, w in product(range(objects), range(views), range(objects), range(views)):
        cosine = rows[o, v] @ rows[p, w]
        if o == p:
            within += [cosine] if v != w else []
        elif CATEGORIES[o] == CATEGORIES[p]:
            (same_view if v == w else two_views).append(cosine)
            alike.append(cosine)
        else:
            unlike.append(cosine)
    hits = []
    for o, v in product(range(5), range(views)):  # the sixth object has no other of its category
        others = [p for p in range(objects) if p != o and CATEGORIES[p] == CATEGORIES[o]]
        hits.append(max((rows[o, v] @ rows[p, w], w) for p, w in product(others, range(views)))[1] == v)

    found = view_alignment(features, CATEGORIES, mean)

    assert found.viewpoint == pytest.approx(np.mean(same_view) - np.mean(two_views))
    assert found.same_view_neighbour == pytest.approx(np.mean(hits))
    assert found.view_invariance == pytest.approx(np.mean(within))
    assert found.category_separation == pytest.approx(np.mean(alike) - np.mean(unlike))
    assert found.other_objects == pytest.approx(np.mean(alike + unlike))


def test_features_of_the_view_alone_are_aligned_and_vary() -> None:
    features = torch.eye(4).expand(6, 4, 4)

    found = view_alignment(features, CATEGORIES, torch.zeros(4))

    assert (found.viewpoint, found.same_view_neighbour) == (1, 1)
    assert (found.view_invariance, found.category_separation) == (0, 0)


def test_features_of_the_category_alone_are_invariant_and_neighbours_are_chance() -> None:
    features = torch.eye(3)[CATEGORIES][:, None].expand(6, 4, 3)

    found = view_alignment(features, CATEGORIES, torch.zeros(3))

    assert (found.viewpoint, found.same_view_neighbour) == (0, 0.25)
    assert (found.view_invariance, found.category_separation) == (1, 1)


def test_what_a_grid_has_no_pairs_for_is_absent() -> None:
    lone = view_alignment(grid()[[0, 3, 5]], np.arange(3), torch.zeros(5))
    assert lone.viewpoint is lone.same_view_neighbour is lone.category_separation is None
    assert lone.view_invariance is not None

    one_view = view_alignment(grid(views=1), CATEGORIES, torch.zeros(5))
    assert one_view.viewpoint is one_view.view_invariance is None
