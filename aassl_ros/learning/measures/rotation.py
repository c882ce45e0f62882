"""Telling how an object turned from the frozen features of two frames: ridge regression, scored by R2."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Weights of the squared coefficients beside the mean squared error, of features of variance 1."""
_FOLDS = 5


def rotation_r2(
    train: tuple[Tensor, Tensor], train_instances: NDArray[np.int64], test: tuple[Tensor, Tensor], *, seed: int = 0
) -> float | None:
    """1 less the squared error over the variance of the test turns, over their three entries together.

    train, test: inputs float [N, K] (features of both frames side by side) and rotation vectors float [N, 3] in rad;
    train_instances int64 [N]: the penalty is chosen by folds of them. 1 is perfect, 0 what the mean turn scores, less
    than 0 worse than that. None where the test turns are all the same.
    """
    inputs, turns = (part.double() for part in train)
    mean, deviation = inputs.mean(dim=0), inputs.std(dim=0, unbiased=False).clamp_min(1e-6)
    standardised = (inputs - mean) / deviation
    penalty = _choose_penalty(standardised, turns, train_instances, seed)
    weights = _ridge(standardised, turns, (penalty,))[0]
    told = ((test[0].double() - mean) / deviation) @ weights + turns.mean(dim=0)
    return r2(told, test[1].double())


def r2(told: Tensor, truth: Tensor) -> float | None:
    """Share of the variance of truth [N, K] that told [N, K] explains; None where there is none."""
    spread = (truth - truth.mean(dim=0)).square().sum()
    return float(1 - (told - truth).square().sum() / spread) if len(truth) and spread > 1e-12 else None


def _ridge(inputs: Tensor, turns: Tensor, penalties: tuple[float, ...]) -> list[Tensor]:
    """For each penalty the weights [K, 3] of least mean squared error + penalty |weights|^2; inputs of mean 0."""
    values, vectors = torch.linalg.eigh(inputs.T @ inputs / len(inputs))
    slope = vectors.T @ (inputs.T @ (turns - turns.mean(dim=0))) / len(inputs)
    return [vectors @ (slope / (values.clamp_min(0)[:, None] + penalty)) for penalty in penalties]


def _choose_penalty(inputs: Tensor, turns: Tensor, instances: NDArray[np.int64], seed: int) -> float:
    """The penalty with the least error on held-out instances; the strongest where there is but one instance."""
    names, numbered = np.unique(instances, return_inverse=True)
    if len(names) < 2:
        return PENALTIES[-1]
    dealt = np.random.default_rng(seed).permutation(len(names)) % min(_FOLDS, len(names))
    fold_of = torch.from_numpy(dealt[numbered]).to(inputs.device)
    errors = [0.0] * len(PENALTIES)
    for fold in range(int(fold_of.max()) + 1):
        known, asked = fold_of != fold, fold_of == fold
        mean = inputs[known].mean(dim=0)
        for number, weights in enumerate(_ridge(inputs[known] - mean, turns[known], PENALTIES)):
            told = (inputs[asked] - mean) @ weights + turns[known].mean(dim=0)
            errors[number] += float((told - turns[asked]).square().sum())
    return PENALTIES[int(np.argmin(errors))]
