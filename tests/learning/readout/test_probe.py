from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from aassl_ros.learning.readout.probe import PENALTIES, fit_probe, instance_folds, logistic_regression


def objects(
    instances: int, seed: int, *, categories: int = 3, frames: int = 10, size: int = 20, own: float = 1.0
) -> tuple[Tensor, Tensor, NDArray[np.int64]]:
    """Features of `instances` objects a category: the category's place, the object's own of deviation `own`, noise."""
    places = 1.5 * np.random.default_rng(0).normal(size=(categories, size))
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(categories), instances * frames)
    names = np.repeat(np.arange(categories * instances), frames)
    features = places[targets] + own * rng.normal(size=(categories * instances, size))[names]
    features += 0.3 * rng.normal(size=features.shape)
    return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(targets), names


def test_the_fit_is_that_of_an_independent_solver() -> None:
    features, targets, _ = objects(6, seed=1)
    penalty = 0.01

    weight, bias = logistic_regression(features, targets, torch.zeros(3, 20), torch.zeros(3), penalty, 300)

    # scikit-learn minimises C * summed loss + |w|^2 / 2.
    reference = LogisticRegression(C=1 / (2 * penalty * len(features)), tol=1e-8, max_iter=5000)
    reference.fit(features.numpy(), targets.numpy())
    np.testing.assert_allclose(weight, reference.coef_, atol=2e-3)
    np.testing.assert_allclose(bias - bias.mean(), reference.intercept_ - reference.intercept_.mean(), atol=2e-3)


def test_objects_never_seen_are_named() -> None:
    features, targets, instances = objects(8, seed=1)
    unseen, unseen_targets, _ = objects(8, seed=2)

    probe = fit_probe(features, targets, instances)

    assert (probe.predict(unseen) == unseen_targets).float().mean() > 0.95


def test_scale_and_offset_of_a_feature_change_nothing() -> None:
    features, targets, instances = objects(6, seed=1)
    stretched = features * torch.linspace(0.01, 100, 20) + 7

    plain, other = fit_probe(features, targets, instances), fit_probe(stretched, targets, instances)

    torch.testing.assert_close(plain.scores(features), other.scores(stretched), atol=0.02, rtol=0.02)


def test_of_penalties_that_name_held_out_objects_equally_well_the_strongest_is_taken() -> None:
    apart, targets, instances = objects(8, seed=1, size=200, own=0.1)
    mixed, _, _ = objects(8, seed=1, size=20, own=3.0)

    assert fit_probe(apart, targets, instances).penalty == max(PENALTIES)
    assert fit_probe(mixed, targets, instances).penalty < max(PENALTIES)


def test_a_feature_without_spread_and_a_single_instance_a_category_still_fit() -> None:
    features, targets, instances = objects(1, seed=1)
    features[:, 3] = 4.0

    probe = fit_probe(features, targets, instances)

    assert (probe.predict(features) == targets).all()


def test_folds_hold_out_whole_instances_evenly() -> None:
    targets = np.repeat([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2], 4)
    instances = np.repeat(np.arange(11), 4)

    folds = instance_folds(targets, instances, 5, np.random.default_rng(0))

    assert all(len(set(folds[instances == name])) == 1 for name in range(11))
    assert sorted(folds[targets == 0].tolist()) == sorted(np.repeat(np.arange(5), 4).tolist())
    assert set(folds[targets == 2]) == {-1}  # the only instance of its category always stays in
