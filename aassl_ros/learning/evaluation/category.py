"""Accuracy of categories: linear probe, nearest neighbours and few-shot; also for each category and each object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.learning.readout.classifiers import KNearest
from aassl_ros.learning.readout.few_shot import few_shot_shares
from aassl_ros.learning.readout.probe import LinearProbe, fit_probe
from aassl_ros.learning.readout.split import LabelledFrames, Split

SHOTS = (1, 5)
ALL_SHOTS = "all"
"""Name of the few-shot accuracy with all instances, shots = 0."""
NEIGHBOURS = 20
_AT_ONCE = 2048


@dataclass(frozen=True)
class Classifiers:
    """A linear probe and nearest neighbours, fitted to the train frames."""

    probe: LinearProbe
    nearest: KNearest

    @classmethod
    def fit(cls, train: Tensor, parts: Split, seed: int) -> Classifiers:
        """Fit to the train frames. train: their features, float [N, D]; seed: of the probe's folds."""
        targets = torch.from_numpy(parts.train.targets).to(train.device)
        probe = fit_probe(train, targets, parts.train.instances, seed=seed)
        return cls(probe, KNearest(train, targets, NEIGHBOURS))

    def name(self, features: Tensor) -> dict[str, NDArray[np.int64]]:
        """Classify features float [N, D]: the answers int64 [N] of "probe" and of "knn"."""
        # In parts: cosines of 20,000 frames with 40,000 would take three gigabytes.
        nearest = torch.cat([self.nearest(part).argmax(dim=1) for part in features.split(_AT_ONCE)])
        return {"probe": _numpy(self.probe.predict(features)), "knn": _numpy(nearest)}


@dataclass(frozen=True)
class PerInstance:
    """Accuracies and number of frames of each test instance, in the order of Evaluation.test_instances."""

    probe: tuple[float, ...]
    knn: tuple[float, ...]
    frames: tuple[int, ...]
    few_shot: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class CategoryMeasures:
    """Accuracies on the test frames, as fractions of 1. confusion: int64 [C, C], a row for each true category."""

    probe_accuracy: float
    probe_penalty: float
    per_category: dict[str, float]
    knn_accuracy: float
    per_instance: PerInstance
    few_shot: dict[str, float]
    confusion: NDArray[np.int64]

    def to_json(self, categories: tuple[str, ...], instances: tuple[str, ...]) -> dict[str, Any]:
        """Return their part of the evaluation's JSON."""
        each = self.per_instance
        return {
            "probe": {
                "accuracy": self.probe_accuracy,
                "per_category": self.per_category,
                "penalty": self.probe_penalty,
                "per_instance": dict(zip(instances, each.probe, strict=True)),
            },
            "knn": {"accuracy": self.knn_accuracy, "per_instance": dict(zip(instances, each.knn, strict=True))},
            "few_shot": self.few_shot,
            "few_shot_per_instance": {
                shots: dict(zip(instances, values, strict=True)) for shots, values in each.few_shot.items()
            },
            "confusion": {"categories": list(categories), "matrix": self.confusion.tolist()},
            "test_instance_frames": dict(zip(instances, each.frames, strict=True)),
        }


@dataclass(frozen=True)
class Baselines:
    """Probe accuracies of the baselines, in total and for each category."""

    random_encoder: float
    colour_histogram: float
    per_category: dict[str, dict[str, float]]

    def to_json(self) -> dict[str, Any]:
        """Return their part of the evaluation's JSON."""
        return {
            "baselines": {"random_encoder": self.random_encoder, "colour_histogram": self.colour_histogram},
            "baselines_per_category": self.per_category,
        }


def measure_categories(
    classifiers: Classifiers,
    train: Tensor,
    test: Tensor,
    parts: Split,
    draws: int,
    seed: int,
    shots: tuple[int, ...] = SHOTS,
) -> CategoryMeasures:
    """Measure accuracies. train, test: features float [N, D] and [M, D] of the frames of the two sides.

    draws, seed, shots: of the few-shot accuracy; shots: numbers of labelled instances of a category, 0: all.
    """
    named = classifiers.name(test)
    labelled, tested = (train, parts.train.targets, parts.train.instances), (test, parts.test.targets)
    shares = {
        str(count or ALL_SHOTS): few_shot_shares(labelled, tested, count, draws, seed) for count in dict.fromkeys(shots)
    }
    return CategoryMeasures(
        probe_accuracy=_accuracy(named["probe"], parts.test),
        probe_penalty=classifiers.probe.penalty,
        per_category=_per_category(named["probe"], parts),
        knn_accuracy=_accuracy(named["knn"], parts.test),
        per_instance=_per_instance(named["probe"], named["knn"], shares, parts.test),
        few_shot={count: float(share.mean()) for count, share in shares.items()},
        confusion=count_confusions(named["probe"], parts),
    )


def measure_baselines(
    untrained: tuple[Tensor, Tensor], colours: tuple[Tensor, Tensor], parts: Split, seed: int
) -> Baselines:
    """Measure the baselines.

    untrained: features of the train and the test frames by a random encoder; colours: their colour histograms.
    """
    named = {}
    for name, (train, test) in (("random_encoder", untrained), ("colour_histogram", colours)):
        targets = torch.from_numpy(parts.train.targets).to(train.device)
        named[name] = _numpy(fit_probe(train, targets, parts.train.instances, seed=seed).predict(test))
    return Baselines(
        random_encoder=_accuracy(named["random_encoder"], parts.test),
        colour_histogram=_accuracy(named["colour_histogram"], parts.test),
        per_category={name: _per_category(answers, parts) for name, answers in named.items()},
    )


def few_shot_notes(parts: Split, shots: tuple[int, ...] = SHOTS) -> list[str]:
    """Describe which categories have too few instances. shots: as for `measure_categories`."""
    counts = {
        category: len(np.unique(parts.train.instances[parts.train.targets == index]))
        for index, category in enumerate(parts.categories)
    }
    poor = [category for category, count in counts.items() if count < max(shots)]
    return [f"few-shot {max(shots)}: fewer instances of {', '.join(poor)}; all of them were used"] if poor else []


def _accuracy(named: NDArray[np.int64], test: LabelledFrames) -> float:
    return float((named == test.targets).mean())


def _per_category(named: NDArray[np.int64], parts: Split) -> dict[str, float]:
    """Return the accuracy of each category in the test frames."""
    right, targets = named == parts.test.targets, parts.test.targets
    return {parts.categories[index]: float(right[targets == index].mean()) for index in np.unique(targets)}


def _per_instance(
    named: NDArray[np.int64],
    nearest: NDArray[np.int64],
    shares: dict[str, NDArray[np.float64]],
    test: LabelledFrames,
) -> PerInstance:
    frames = np.bincount(test.instances, minlength=len(test.names))
    probe, knn = (np.bincount(test.instances, answers == test.targets) / frames for answers in (named, nearest))
    few_shot = {count: np.bincount(test.instances, share) / frames for count, share in shares.items()}
    return PerInstance(
        tuple(probe.tolist()),
        tuple(knn.tolist()),
        tuple(frames.tolist()),
        {count: tuple(values.tolist()) for count, values in few_shot.items()},
    )


def count_confusions(named: NDArray[np.int64], parts: Split) -> NDArray[np.int64]:
    """Count how often the test frames of each true category (row) were named each category: int64 [C, C]."""
    matrix = np.zeros((len(parts.categories),) * 2, np.int64)
    np.add.at(matrix, (parts.test.targets, named), 1)
    return matrix


def _numpy(values: Tensor) -> NDArray[np.int64]:
    return np.asarray(values.cpu().numpy(), np.int64)
