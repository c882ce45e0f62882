"""The judge: what a gallery's features say about a view - its category, how sure, and whether it is known at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from aassl_ros.learning.measures.reliability import Reliability
from aassl_ros.learning.readout.classifiers import CLASSIFIERS, Classifier, fit_classifier
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.recognition.calibration import at_temperature, best_temperature, reliability
from aassl_ros.learning.recognition.familiarity import Familiarity, UnknownThreshold, unknown_threshold
from aassl_ros.learning.recognition.folds import leave_out_folds
from aassl_ros.learning.recognition.seen import SeenObjects
from aassl_ros.learning.recognition.spreading import LeftOutSpreading, Spreading

AUTO = "auto"
SEEN = "seen"
"""The classifier that spreads names over seen objects. It is tried if there are any."""
_FOLDS = 3
# Views of a category with which classifiers are compared; more would delay a new encoder by seconds.
_COMPARED_VIEWS = 40


@dataclass(frozen=True)
class JudgeFacts:
    """What is known about a judge from views that it was not fitted to.

    classifier: its name. accuracy: share of correct answers for objects left out of the gallery; NaN if there is one
    category. compared: the same for each classifier that was tried. temperature: of its probabilities.
    uncalibrated, reliability: diagrams without and with the temperature; None if there is one category. unknown: the
    threshold.
    """

    classifier: str
    accuracy: float
    compared: dict[str, float]
    temperature: float
    uncalibrated: Reliability | None
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
        seen: objects without names, embedded by the same encoder; None: none.
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
        seen: SeenObjects | None = None,
    ) -> None:
        tried = (*((SEEN,) if seen is not None else ()), *CLASSIFIERS) if classifier == AUTO else (classifier,)

        def fit(name: str, features: Tensor, targets: Tensor, objects: Tensor) -> Classifier:
            if name == SEEN and seen is not None:
                return LeftOutSpreading(Spreading(seen, features, targets, objects)).probabilities
            return fit_classifier(name, features, targets, neighbours=neighbours)

        left_out = {name: _left_out(partial(fit, name), features, targets, objects) for name in tried}
        compared = {name: _accuracy(*each) for name, each in left_out.items()}
        chosen = max(tried, key=lambda name: compared[name])
        probabilities, truth = left_out[chosen]
        temperature = best_temperature(probabilities, truth)
        self._spreading = None if seen is None else Spreading(seen, features, targets, objects)
        self._classify = None if chosen == SEEN else fit_classifier(chosen, features, targets, neighbours=neighbours)
        self._familiarity = Familiarity(features, targets)
        unknown = unknown_threshold(features, targets, objects, refuse_known, None if seen is None else
                                    lambda *kept: LeftOutSpreading(Spreading(seen, *kept)))  # fmt: skip
        self.facts = JudgeFacts(
            chosen,
            compared[chosen],
            compared,
            temperature,
            reliability(probabilities, truth) if len(truth) else None,
            reliability(at_temperature(probabilities, temperature), truth) if len(truth) else None,
            unknown,
        )

    def __call__(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Judge features float [N, D]: calibrated probabilities float [N, C], and familiarity float [N]."""
        if self._spreading is None:
            named, familiar = None, self._familiarity(features)
        else:
            named, familiar = self._spreading(features)
        if self._classify is not None:
            named = self._classify(features)
        assert named is not None
        return at_temperature(named, self.facts.temperature), familiar


def _accuracy(probabilities: Tensor, targets: Tensor) -> float:
    return float((probabilities.argmax(dim=1) == targets).float().mean()) if len(targets) else float("nan")


def _left_out(
    fit: Callable[[Tensor, Tensor, Tensor], Classifier], features: Tensor, targets: Tensor, objects: Tensor
) -> tuple[Tensor, Tensor]:
    """Probabilities float [M, C] for views whose object a classifier was not fitted to, and their categories [M]."""
    categories = int(targets.max()) + 1
    chosen = torch.cat([_some(torch.nonzero(targets == one)[:, 0]) for one in range(categories)])
    features, targets, objects = features[chosen], targets[chosen], objects[chosen]
    folds = leave_out_folds(targets, objects, _FOLDS)
    found, truth = [features.new_zeros(0, categories)], [targets[:0]]
    for fold in range(_FOLDS):
        fitted, asked = folds != fold, folds == fold
        # Each category must be among the views that the classifier is fitted to.
        if categories < 2 or not bool(asked.any()) or len(targets[fitted].unique()) < categories:
            continue
        found.append(fit(features[fitted], targets[fitted], objects[fitted])(features[asked]))
        truth.append(targets[asked])
    return torch.cat(found), torch.cat(truth)


def _some(places: Tensor) -> Tensor:
    return places[torch.from_numpy(evenly_spaced(len(places), _COMPARED_VIEWS)).to(places.device)]
