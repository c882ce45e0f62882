"""Three ways to name a category from features by labelled ones. Each is fitted once and answers in microseconds."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.readout.probe import logistic_regression

CLASSIFIERS = ("linear", "knn", "prototypes")

# Weights of the neighbours fall by e every .07 of cosine, as in the kNN evaluation; prototypes share the scale.
_TEMPERATURE = 0.07
# Weight of the squared coefficients beside the mean loss: the best of .001, .01 and .1 on unseen objects of the demo.
_LINEAR_PENALTY = 0.1
_LINEAR_ITERATIONS = 100


class Classifier(Protocol):
    """Features float [N, D] to probabilities float [N, C], each row summing to 1."""

    def __call__(self, features: Tensor) -> Tensor: ...


def fit_classifier(name: str, features: Tensor, targets: Tensor, *, neighbours: int = 20) -> Classifier:
    """Fit to labelled features float [G, D] with targets int64 [G] from 0 to C - 1, all on one device.

    name: one of CLASSIFIERS; neighbours: of kNN, cut to G.
    """
    if name == "knn":
        return KNearest(features, targets, neighbours)
    if name == "prototypes":
        return Prototypes(features, targets)
    return Linear(features, targets)


class KNearest:
    """Votes of the k frames of highest cosine, weighted by exp(cosine / temperature); features centred first."""

    def __init__(self, features: Tensor, targets: Tensor, neighbours: int) -> None:
        self._mean = features.mean(dim=0)
        self._features = functional.normalize(features - self._mean, dim=1)
        self._votes = functional.one_hot(targets).to(features.dtype)
        self._neighbours = min(neighbours, len(features))

    def __call__(self, features: Tensor) -> Tensor:
        cosines = functional.normalize(features - self._mean, dim=1) @ self._features.T
        nearest, places = cosines.topk(self._neighbours, dim=1)
        weights = torch.softmax(nearest / _TEMPERATURE, dim=1)
        return (weights[..., None] * self._votes[places]).sum(dim=1)


class Prototypes:
    """The cosine to each category's mean direction, made probabilities by a softmax; features centred first."""

    def __init__(self, features: Tensor, targets: Tensor) -> None:
        self._mean = features.mean(dim=0)
        directions = functional.normalize(features - self._mean, dim=1)
        sums = functional.one_hot(targets).to(features.dtype).T @ directions
        self._prototypes = functional.normalize(sums, dim=1)

    def __call__(self, features: Tensor) -> Tensor:
        cosines = functional.normalize(features - self._mean, dim=1) @ self._prototypes.T
        return torch.softmax(cosines / _TEMPERATURE, dim=1)


class Linear:
    """Multinomial logistic regression on standardised features, the probe of evaluation with a penalty of its own.

    The probe chooses its penalty by folds, which takes seconds; here checkpoints are fitted while frames come in.
    """

    def __init__(self, features: Tensor, targets: Tensor) -> None:
        self._mean = features.mean(dim=0)
        self._deviation = features.std(dim=0, unbiased=False).clamp_min(1e-6)
        categories = int(targets.max()) + 1
        self._weight, self._bias = logistic_regression(
            (features - self._mean) / self._deviation,
            targets,
            features.new_zeros(categories, features.shape[1]),
            features.new_zeros(categories),
            _LINEAR_PENALTY,
            _LINEAR_ITERATIONS,
        )

    def __call__(self, features: Tensor) -> Tensor:
        standardised = (features - self._mean) / self._deviation
        return torch.softmax(standardised @ self._weight.T + self._bias, dim=1)
