"""Prediction of an object's rotation from the frozen features of two frames: ridge regression, scored by R2.

Linear regression finds only rotations that move features in the same direction for every object and view. With a
kernel it also finds rotations that move them differently from view to view.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Weights of the L2 penalty added to the mean squared error, for features of variance 1."""
KERNEL_PENALTIES = (1e-2, 1e-1, 1.0, 10.0)
"""Added to the diagonal of the kernel matrix, whose entries are at most 1."""
_FOLDS = 5
_KERNEL_PAIRS = 2048  # maximum number of train pairs: the time grows with the cube of it
_MEASURED = 512  # number of pairs whose distances set the kernel's width

Side = tuple[Tensor, Tensor]
"""Inputs float [N, K] (the features of both frames side by side), and rotation vectors float [N, 3] in rad."""
_Fit = Callable[[Tensor, Tensor, Tensor], list[Tensor]]
"""Maps train inputs, train rotations and test inputs to predicted rotations, one tensor for each penalty."""


def rotation_r2(train: Side, train_instances: NDArray[np.int64], test: Side, *, seed: int = 0) -> float | None:
    """R2 of the test rotations by linear ridge regression: 1 - squared error / variance, over all three entries.

    train_instances: int64 [N]; cross-validation over them chooses the penalty. seed: of the folds.
    Returns 1 for perfect predictions, 0 for a prediction of the mean, less if worse. None if all test rotations are the
    same.
    """
    return _score(train, train_instances, test, _linear, len(PENALTIES), seed)


def kernel_rotation_r2(train: Side, train_instances: NDArray[np.int64], test: Side, *, seed: int = 0) -> float | None:
    """Like `rotation_r2`, with the kernel exp(-distance^2 / median distance^2), on the first 2048 train pairs."""
    few = train[0][:_KERNEL_PAIRS], train[1][:_KERNEL_PAIRS]
    return _score(few, train_instances[:_KERNEL_PAIRS], test, _kernel, len(KERNEL_PENALTIES), seed)


def r2(predicted: Tensor, truth: Tensor) -> float | None:
    """Return the share of the variance of truth [N, K] that predicted [N, K] explains; None without variance."""
    spread = (truth - truth.mean(dim=0)).square().sum()
    return float(1 - (predicted - truth).square().sum() / spread) if len(truth) and spread > 1e-12 else None


def _score(train: Side, instances: NDArray[np.int64], test: Side, fit: _Fit, penalties: int, seed: int) -> float | None:
    inputs, turns = (part.double() for part in train)
    mean, deviation = inputs.mean(dim=0), inputs.std(dim=0, unbiased=False).clamp_min(1e-6)
    standardised = (inputs - mean) / deviation
    chosen = _choose(standardised, turns, instances, fit, penalties, seed)
    predicted = fit(standardised, turns, (test[0].double() - mean) / deviation)[chosen]
    return r2(predicted, test[1].double())


def _linear(known: Tensor, turns: Tensor, asked: Tensor) -> list[Tensor]:
    """Predict with the weights [K, 3] that minimise mean squared error + penalty |weights|^2."""
    mean, mean_turn = known.mean(dim=0), turns.mean(dim=0)
    centred, count = known - mean, len(known)
    # The weights are the same from the K x K or from the N x N matrix; the time grows with the cube of its side.
    wide = count < known.shape[1]
    values, vectors = torch.linalg.eigh((centred @ centred.T if wide else centred.T @ centred) / count)
    slope = vectors.T @ ((turns - mean_turn) if wide else centred.T @ (turns - mean_turn) / count)
    shares = [slope / (values.clamp_min(0)[:, None] + penalty) for penalty in PENALTIES]
    weights = [centred.T @ (vectors @ share) / count if wide else vectors @ share for share in shares]
    return [(asked - mean) @ weight + mean_turn for weight in weights]


def _kernel(known: Tensor, turns: Tensor, asked: Tensor) -> list[Tensor]:
    near = known[:_MEASURED]
    width = (torch.pdist(near).square().median() if len(near) > 1 else known.new_ones(())).clamp_min(1e-12)
    among = torch.exp(-torch.cdist(known, known).square() / width)
    across = torch.exp(-torch.cdist(asked, known).square() / width)
    mean_turn = turns.mean(dim=0)
    predicted = []
    for penalty in KERNEL_PENALTIES:
        factor = torch.linalg.cholesky(among + penalty * torch.eye(len(among), dtype=among.dtype, device=among.device))
        predicted.append(across @ torch.cholesky_solve(turns - mean_turn, factor) + mean_turn)
    return predicted


def _choose(inputs: Tensor, turns: Tensor, instances: NDArray[np.int64], fit: _Fit, count: int, seed: int) -> int:
    """Return the index of the penalty with the least error on held-out instances; the last if there is one instance."""
    names, numbered = np.unique(instances, return_inverse=True)
    if len(names) < 2:
        return count - 1
    dealt = np.random.default_rng(seed).permutation(len(names)) % min(_FOLDS, len(names))
    fold_of = torch.from_numpy(dealt[numbered]).to(inputs.device)
    errors = np.zeros(count)
    for fold in range(int(fold_of.max()) + 1):
        known, asked = fold_of != fold, fold_of == fold
        predicted = fit(inputs[known], turns[known], inputs[asked])
        errors += [float((each - turns[asked]).square().sum()) for each in predicted]
    return int(errors.argmin())
