"""Three classifiers of features, fitted to labelled features. Fitting is done once; an answer takes microseconds."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.readout.probe import logistic_regression

CLASSIFIERS = ("prototypes", "knn", "linear")
"""The classifiers. The first is the best with few labelled frames, and is used if a comparison cannot decide."""

# A neighbour's weight falls by a factor of e for every 0.07 of cosine; prototypes use the same scale.
_TEMPERATURE = 0.07
# Weight of the L2 penalty added to the mean loss: the best of 0.001, 0.01 and 0.1 on unseen objects of the demo.
_LINEAR_PENALTY = 0.1
_LINEAR_ITERATIONS = 100


class Classifier(Protocol):
    """Maps features float [N, D] to probabilities float [N, C]; each row sums to 1."""

    def __call__(self, features: Tensor) -> Tensor: ...


def fit_classifier(name: str, features: Tensor, targets: Tensor, *, neighbours: int = 20) -> Classifier:
    """Fit a classifier to labelled features.

    name: one of CLASSIFIERS. features: float [G, D]; targets: int64 [G], 0 to C - 1, on the same device.
    neighbours: k of kNN, at most G.
    """
    if name == "knn":
        return KNearest(features, targets, neighbours)
    if name == "prototypes":
        return Prototypes(features, targets)
    return Linear(features, targets)


class KNearest:
    """kNN: votes of the k frames with the highest cosine, weighted by exp(cosine / temperature).

    Features are centred first.
    """

    def __init__(self, features: Tensor, targets: Tensor, neighbours: int) -> None:
        self._mean = features.mean(dim=0)
        self._features = functional.normalize(features - self._mean, dim=1)
        self._votes = functional.one_hot(targets).to(features.dtype)
        self._neighbours = min(neighbours, len(features))

    def __call__(self, features: Tensor) -> Tensor:
        cosines = functional.normalize(features - self._mean, dim=1) @ self._features.T
        nearest, places = cosines.topk(self._neighbours, dim=1)
        return count_votes(nearest, places, self._votes)


def count_votes(cosines: Tensor, places: Tensor, votes: Tensor) -> Tensor:
    """Count the votes of neighbours, weighted by exp(cosine / temperature).

    Args:
        cosines: to the neighbours, float [N, K]; -inf: it has no vote.
        places: of the neighbours among G views, int64 [N, K].
        votes: of these views, float [G, C].

    Returns:
        float [N, C]; if votes are probabilities, so are these.
    """
    weights = torch.softmax(cosines / _TEMPERATURE, dim=1)
    return (weights[..., None] * votes[places]).sum(dim=1)


class Prototypes:
    """Nearest prototype: softmax of the cosines to each category's mean direction. Features are centred first."""

    def __init__(self, features: Tensor, targets: Tensor) -> None:
        self._mean = features.mean(dim=0)
        directions = functional.normalize(features - self._mean, dim=1)
        sums = functional.one_hot(targets).to(features.dtype).T @ directions
        self._prototypes = functional.normalize(sums, dim=1)

    def __call__(self, features: Tensor) -> Tensor:
        cosines = functional.normalize(features - self._mean, dim=1) @ self._prototypes.T
        return torch.softmax(cosines / _TEMPERATURE, dim=1)


class Linear:
    """Multinomial logistic regression on standardised features, like the probe of the evaluation, but faster.

    The probe chooses its penalty by cross-validation, which takes seconds. Here the penalty is fixed, because
    classifiers are fitted while frames arrive.
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
