"""Linear probe: multinomial logistic regression on frozen features, its penalty chosen by folds of the instances.

Instances, not frames, are the sample: frames of one object are alike, and folds of frames would call any overfit good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.readout.lbfgs import minimise
from aassl_ros.learning.readout.spacing import evenly_spaced

PENALTIES = (10.0, 1.0, 0.1, 0.01, 0.001, 0.0001)
"""Weights of the squared coefficients beside the mean loss, strongest first: each fit starts from the one before."""
_DEFAULT_PENALTY = 0.01
_FOLDS = 5
_FOLD_FRAMES = 2000
"""Frames that the penalty is chosen on, at most: more of the same objects would not change it."""
_FINAL_ITERATIONS = 200
_FOLD_ITERATIONS = 40


@dataclass(frozen=True)
class LinearProbe:
    """Scores = ((features - mean) / deviation) @ weight.T + bias. weight [C, D], bias [C], mean and deviation [D]."""

    weight: Tensor
    bias: Tensor
    mean: Tensor
    deviation: Tensor
    penalty: float

    def scores(self, features: Tensor) -> Tensor:
        """float [N, C], not normalised, of features [N, D]."""
        return ((features - self.mean) / self.deviation) @ self.weight.T + self.bias

    def predict(self, features: Tensor) -> Tensor:
        """int64 [N]: the category of highest score."""
        return self.scores(features).argmax(dim=1)


def fit_probe(features: Tensor, targets: Tensor, instances: NDArray[np.int64], *, seed: int = 0) -> LinearProbe:
    """Fit to features float [N, D] with targets int64 [N] of 0 to C - 1, shown by object instances int64 [N]."""
    mean = features.mean(dim=0)
    deviation = features.std(dim=0, unbiased=False).clamp_min(1e-6)
    standardised = (features - mean) / deviation
    categories = int(targets.max()) + 1
    penalty = _choose_penalty(standardised, targets, instances, categories, seed)
    weight, bias = features.new_zeros(categories, features.shape[1]), features.new_zeros(categories)
    weight, bias = logistic_regression(standardised, targets, weight, bias, penalty, _FINAL_ITERATIONS)
    return LinearProbe(weight, bias, mean, deviation, penalty)


def logistic_regression(
    features: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, penalty: float, iterations: int
) -> tuple[Tensor, Tensor]:
    """Minimise mean cross entropy + penalty * |weight|^2 by LBFGS from weight [C, D], bias [C]; returns the new ones.

    features: float [N, D], standardised; targets: int64 [N].
    """
    categories, size = weight.shape
    rows = torch.arange(len(targets), device=targets.device)

    def loss(both: Tensor) -> tuple[float, Tensor]:
        weight, bias = both.view(categories, size + 1).split([size, 1], dim=1)
        log_shares = functional.log_softmax(features @ weight.T + bias.T, dim=1)
        value = -log_shares[rows, targets].mean() + penalty * weight.square().sum()
        # The gradient is written out: half the time of autograd for so small a graph.
        slope = log_shares.exp_()
        slope[rows, targets] -= 1
        slope /= len(targets)
        gradient = torch.cat([slope.T @ features + 2 * penalty * weight, slope.sum(dim=0)[:, None]], dim=1)
        return float(value), gradient.view(-1)

    start = torch.cat([weight, bias[:, None]], dim=1).view(-1)
    both = minimise(loss, start, iterations).view(categories, size + 1)
    return both[:, :size].contiguous(), both[:, size].contiguous()


def instance_folds(
    targets: NDArray[np.int64], instances: NDArray[np.int64], folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """int64 [N], the fold of each frame: instances of a category are dealt out evenly; -1, never held out, for a
    category of one instance.
    """
    names, first = np.unique(instances, return_index=True)
    fold_of = np.full(len(names), -1, np.int64)
    dealt = 0
    for category in np.unique(targets):
        own = rng.permutation(np.flatnonzero(targets[first] == category))
        if len(own) > 1:
            # Dealing goes on where the category before ended, so that folds stay of one size.
            fold_of[own] = (dealt + np.arange(len(own))) % folds
            dealt += len(own)
    return fold_of[np.searchsorted(names, instances)]


def _choose_penalty(
    features: Tensor, targets: Tensor, instances: NDArray[np.int64], categories: int, seed: int
) -> float:
    """The penalty under which held-out instances are named best; of equal ones the strongest."""
    spread = evenly_spaced(len(features), _FOLD_FRAMES)
    features, targets = features[spread], targets[spread]
    rng = np.random.default_rng(seed)
    fold_of = torch.from_numpy(instance_folds(targets.cpu().numpy(), instances[spread], _FOLDS, rng)).to(targets.device)
    right = dict.fromkeys(PENALTIES, 0)
    for fold in range(_FOLDS):
        held_out = fold_of == fold
        if not held_out.any() or held_out.all():
            continue
        known, known_targets = features[~held_out], targets[~held_out]
        asked, asked_targets = features[held_out], targets[held_out]
        weight, bias = features.new_zeros(categories, features.shape[1]), features.new_zeros(categories)
        for penalty in PENALTIES:
            weight, bias = logistic_regression(known, known_targets, weight, bias, penalty, _FOLD_ITERATIONS)
            named = (asked @ weight.T + bias).argmax(dim=1)
            right[penalty] += int((named == asked_targets).sum())
    if not any(right.values()):
        return _DEFAULT_PENALTY
    return max(PENALTIES, key=lambda penalty: right[penalty])
