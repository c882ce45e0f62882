"""Linear probe: multinomial logistic regression on frozen features; cross-validation chooses its penalty.

Folds are of object instances, not of frames: frames of one object are similar, and would hide overfitting.
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
"""Weights of the L2 penalty added to the mean loss, strongest first: each fit starts from the one before."""
_DEFAULT_PENALTY = 0.01
_FOLDS = 5
_FOLD_FRAMES = 2000
"""Maximum number of frames to choose the penalty on: more frames of the same objects would not change it."""
_FINAL_ITERATIONS = 200
_FOLD_ITERATIONS = 40


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe: scores = ((features - mean) / deviation) @ weight.T + bias.

    weight: [C, D]; bias: [C]; mean, deviation: [D], of the training features; penalty: weight of the L2 penalty.
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    deviation: Tensor
    penalty: float

    def scores(self, features: Tensor) -> Tensor:
        """Return the logits float [N, C] of features [N, D]."""
        return ((features - self.mean) / self.deviation) @ self.weight.T + self.bias

    def predict(self, features: Tensor) -> Tensor:
        """Return the category with the highest score, int64 [N], of features [N, D]."""
        return self.scores(features).argmax(dim=1)


def fit_probe(features: Tensor, targets: Tensor, instances: NDArray[np.int64], *, seed: int = 0) -> LinearProbe:
    """Fit a probe.

    features: float [N, D]; targets: int64 [N], 0 to C - 1; instances: int64 [N], the object of each frame.
    seed: of the folds.
    """
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
    """Minimise mean cross entropy + penalty * |weight|^2 with L-BFGS, from weight [C, D] and bias [C].

    features: float [N, D], standardised; targets: int64 [N]. Returns the new weight and bias.
    """
    categories, size = weight.shape
    rows = torch.arange(len(targets), device=targets.device)

    def loss(both: Tensor) -> tuple[float, Tensor]:
        weight, bias = both.view(categories, size + 1).split([size, 1], dim=1)
        log_shares = functional.log_softmax(features @ weight.T + bias.T, dim=1)
        value = -log_shares[rows, targets].mean() + penalty * weight.square().sum()
        # The gradient is written out: for such a small graph it takes half the time of autograd.
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
    """Assign each frame to a fold, int64 [N]: the instances of a category are distributed evenly over the folds.

    A category with one instance gets -1: it is never held out.
    """
    names, first = np.unique(instances, return_index=True)
    fold_of = np.full(len(names), -1, np.int64)
    dealt = 0
    for category in np.unique(targets):
        own = rng.permutation(np.flatnonzero(targets[first] == category))
        if len(own) > 1:
            # Continue after the last fold of the category before, so that folds have equal sizes.
            fold_of[own] = (dealt + np.arange(len(own))) % folds
            dealt += len(own)
    return fold_of[np.searchsorted(names, instances)]


def _choose_penalty(
    features: Tensor, targets: Tensor, instances: NDArray[np.int64], categories: int, seed: int
) -> float:
    """Return the penalty with the best accuracy on held-out instances; of equal ones the strongest."""
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
