"""R2 of predicted rotations: compared with scikit-learn's ridge, and its value if there is nothing to predict."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from aassl_ros.learning.measures import rotation
from aassl_ros.learning.measures.rotation import kernel_rotation_r2, r2, rotation_r2


def pairs(count: int, noise: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features whose difference shows the turn, beside entries that do not."""
    rng = np.random.default_rng(seed)
    turns, first = rng.normal(size=(count, 3)), rng.normal(size=(count, 8))
    second = first + turns @ np.random.default_rng(99).normal(size=(3, 8)) + noise * rng.normal(size=(count, 8))
    return torch.from_numpy(np.concatenate([first, second], axis=1)).float(), torch.from_numpy(turns).float()


@pytest.mark.parametrize("count", [300, 12])  # more and fewer pairs than entries
def test_it_is_the_r2_of_ridge_regression(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(rotation, "PENALTIES", (0.01,))
    (inputs, turns), (asked, truth) = train, test = pairs(count, 2.0, 0), pairs(100, 2.0, 1)
    mean, deviation = inputs.mean(dim=0), inputs.std(dim=0, unbiased=False)
    reference = Ridge(0.01 * count).fit((inputs - mean) / deviation, turns)
    reported = reference.predict((asked - mean) / deviation)

    found = rotation_r2(train, np.arange(count) // 4, test)

    assert found == pytest.approx(r2_score(truth, reported, multioutput="variance_weighted"), abs=1e-4)


def test_with_a_kernel_it_is_the_r2_of_kernel_ridge_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "KERNEL_PENALTIES", (0.1,))
    (inputs, turns), (asked, truth) = train, test = pairs(300, 2.0, 0), pairs(100, 2.0, 1)
    mean, deviation = inputs.double().mean(dim=0), inputs.double().std(dim=0, unbiased=False)
    standardised = (inputs - mean) / deviation
    width = torch.pdist(standardised).square().median()
    reference = KernelRidge(alpha=0.1, kernel="rbf", gamma=1 / float(width)).fit(standardised, turns - turns.mean(0))
    reported = reference.predict((asked - mean) / deviation) + turns.double().mean(0).numpy()

    found = kernel_rotation_r2(train, np.arange(300) // 10, test)

    assert found == pytest.approx(r2_score(truth, reported, multioutput="variance_weighted"), abs=1e-4)


def test_a_turn_that_moves_features_one_way_here_and_the_other_way_there_needs_the_kernel() -> None:
    def curved(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng(seed)
        turns, side = rng.normal(size=(400, 3)), rng.choice((-1.0, 1.0), (400, 1))
        first = np.concatenate([3 * side, rng.normal(size=(400, 3))], axis=1)
        second = first + np.concatenate([np.zeros((400, 1)), side * turns], axis=1)
        return torch.from_numpy(np.concatenate([first, second], axis=1)), torch.from_numpy(turns)

    train, test, instances = curved(0), curved(1), np.arange(400) // 20

    linear, kernel = (tell(train, instances, test) for tell in (rotation_r2, kernel_rotation_r2))

    assert linear == pytest.approx(0, abs=0.1)
    assert kernel is not None
    assert kernel > 0.5


def test_rotations_in_the_features_are_predicted_and_noise_is_not() -> None:
    instances = np.arange(400) // 20
    reported = rotation_r2(pairs(400, 0.1, 0), instances, pairs(200, 0.1, 1))
    blind = rotation_r2(pairs(400, 1000.0, 0), instances, pairs(200, 1000.0, 1))

    assert reported is not None
    assert reported > 0.9
    assert blind == pytest.approx(0, abs=0.05)  # the folds chose a penalty that does not overfit


def test_one_instance_is_enough_and_equal_turns_have_no_r2() -> None:
    train = pairs(50, 0.1, 0)

    for tell in (rotation_r2, kernel_rotation_r2):
        assert tell(train, np.zeros(50, np.int64), pairs(20, 0.1, 1)) is not None
    assert r2(train[1], torch.ones(50, 3)) is None
