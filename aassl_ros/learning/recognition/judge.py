"""The judge: what a gallery's features say about a view - its category, how sure, and whether it is known at all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from aassl_ros.learning.readout.classifiers import CLASSIFIERS, Classifier, fit_classifier
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.recognition.calibration import Reliability, at_temperature, best_temperature, reliability
from aassl_ros.learning.recognition.familiarity import Familiarity, UnknownThreshold, unknown_threshold
from aassl_ros.learning.recognition.folds import leave_out_folds

AUTO = "auto"
_FOLDS = 3
# Views of a category with which classifiers are compared; more would delay a new encoder by seconds.
_COMPARED_VIEWS = 40


@dataclass(frozen=True)
class JudgeFacts:
    """What is known about a judge from views that it was not fitted to.

    classifier: its name. accuracy: share of correct answers for objects left out of the gallery; NaN if there is one
    category. compared: the same for each classifier that was tried. temperature: of its probabilities.
    ece_before, reliability: calibration without and with the temperature. unknown: the threshold.
    """

    classifier: str
    accuracy: float
    compared: dict[str, float]
    temperature: float
    ece_before: float
    reliability: Reliability | None
    unknown: UnknownThreshold


class Judge:
    """Fitted to G labelled features. It never changes.

    Args:
        features: float [G, D].
        targets: int64 [G], the category of each, 0 to C - 1, every one at least once.
        objects: int64 [G], the object of each.
        classifier: one of CLASSIFIERS, or AUTO: the best for objects left out.
        neighbours: of kNN.
        refuse_known: share of views of known categories that may be called unknown, 0 to 1; 0: no view is.
    """

    def __init__(
        self,
        features: Tensor,
        targets: Tensor,
        objects: Tensor,
        *,
        classifier: str = AUTO,
        neighbours: int = 20,
        refuse_known: float = 0.0,
    ) -> None:
        tried = CLASSIFIERS if classifier == AUTO else (classifier,)
        left_out = {name: _left_out(name, features, targets, objects, neighbours) for name in tried}
        compared = {name: _accuracy(*each) for name, each in left_out.items()}
        chosen = max(tried, key=lambda name: compared[name])
        probabilities, truth = left_out[chosen]
        temperature = best_temperature(probabilities, truth)
        self._classify: Classifier = fit_classifier(chosen, features, targets, neighbours=neighbours)
        self._familiarity = Familiarity(features, targets)
        unknown = unknown_threshold(features, targets, objects, refuse_known)
        self.facts = JudgeFacts(
            chosen,
            compared[chosen],
            compared,
            temperature,
            reliability(probabilities, truth).ece,
            reliability(at_temperature(probabilities, temperature), truth) if len(truth) else None,
            unknown,
        )

    def __call__(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Judge features float [N, D]: calibrated probabilities float [N, C], and familiarity float [N]."""
        probabilities = at_temperature(self._classify(features), self.facts.temperature)
        return probabilities, self._familiarity(features)


def _accuracy(probabilities: Tensor, targets: Tensor) -> float:
    return float((probabilities.argmax(dim=1) == targets).float().mean()) if len(targets) else float("nan")


def _left_out(name: str, features: Tensor, targets: Tensor, objects: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    """Probabilities float [M, C] for views whose object a classifier was not fitted to, and their categories [M]."""
    categories = int(targets.max()) + 1
    chosen = torch.cat([_some(torch.nonzero(targets == one)[:, 0]) for one in range(categories)])
    features, targets, folds = (
        features[chosen],
        targets[chosen],
        leave_out_folds(targets[chosen], objects[chosen], _FOLDS),
    )
    found, truth = [features.new_zeros(0, categories)], [targets[:0]]
    for fold in range(_FOLDS):
        fitted, asked = folds != fold, folds == fold
        # Each category must be among the views that the classifier is fitted to.
        if categories < 2 or not bool(asked.any()) or len(targets[fitted].unique()) < categories:
            continue
        classify = fit_classifier(name, features[fitted], targets[fitted], neighbours=neighbours)
        found.append(classify(features[asked]))
        truth.append(targets[asked])
    return torch.cat(found), torch.cat(truth)


def _some(places: Tensor) -> Tensor:
    return places[torch.from_numpy(evenly_spaced(len(places), _COMPARED_VIEWS)).to(places.device)]
