"""The open-set protocol: a few views of known names are taught, and views of known and unknown names are asked.

The known names are drawn several times. All encoders and classifiers get the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from aassl_ros.learning.evaluation.openset_plan import Draw
from aassl_ros.learning.readout.classifiers import KNearest
from aassl_ros.learning.recognition.judge import Judge

KNN, JUDGE = "knn", "judge"
NEIGHBOURS = 20


@dataclass(frozen=True)
class Answers:
    """Answers to asked views: the name of each known view int64 [K], and the score of known [K] and unknown [U] views.

    threshold: the score below which the method itself says unknown; None if it has no such threshold.
    """

    named: NDArray[np.int64]
    known: NDArray[np.float64]
    unknown: NDArray[np.float64]
    threshold: float | None


@dataclass(frozen=True)
class OpenSetScore:
    """Fractions of 1 of one draw.

    accuracy: known views that are named correctly, if none is refused. refused: unknown views that are refused at the
    score that refuses refuse_known of the known views asked. auroc: of known against unknown. own_known, own_unknown:
    views refused at the method's own threshold, which it chose on the views taught; NaN if it has none.
    """

    accuracy: float
    refused: float
    auroc: float
    own_known: float
    own_unknown: float


Method = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Answers]
"""Answers of (taught features, names, objects, known features, unknown features)."""


def nearest_neighbours(taught: Tensor, names: Tensor, objects: Tensor, known: Tensor, unknown: Tensor) -> Answers:
    """Plain kNN; the score is its highest probability."""
    classify = KNearest(taught, names, NEIGHBOURS)
    chances = classify(known)
    return Answers(
        _named(chances), _scores(chances.max(dim=1).values), _scores(classify(unknown).max(dim=1).values), None
    )


def judged(refuse_known: float) -> Method:
    """The judge of recognition; the score is the familiarity."""

    def answer(taught: Tensor, names: Tensor, objects: Tensor, known: Tensor, unknown: Tensor) -> Answers:
        judge = Judge(taught, names, objects, refuse_known=refuse_known)
        chances, familiar = judge(known)
        return Answers(_named(chances), _scores(familiar), _scores(judge(unknown)[1]), judge.facts.unknown.value)

    return answer


def score(answers: Answers, targets: NDArray[np.int64], refuse_known: float) -> OpenSetScore:
    """Score the answers. targets: the names of the known views, int64 [K]."""
    limit = float(np.quantile(answers.known, refuse_known))
    both = np.concatenate([answers.known, answers.unknown])
    is_known = np.arange(len(both)) < len(answers.known)
    own = answers.threshold
    return OpenSetScore(
        accuracy=float((answers.named == targets).mean()),
        refused=float((answers.unknown < limit).mean()),
        auroc=float(roc_auc_score(is_known, both)),
        own_known=float("nan") if own is None else float((answers.known < own).mean()),
        own_unknown=float("nan") if own is None else float((answers.unknown < own).mean()),
    )


@torch.no_grad()
def open_set_scores(
    feature_of: Callable[[NDArray[np.int64]], Tensor],
    draws: Sequence[Draw],
    views: Sequence[int],
    methods: dict[str, Method],
    refuse_known: float,
) -> dict[tuple[str, int], list[OpenSetScore]]:
    """Run the protocol for one encoder.

    Args:
        feature_of: gives the features float [N, D] of frames int64 [N].
        draws: the choices of known names.
        views: numbers of views of each name that are taught; 0: all.
        methods: what answers.
        refuse_known: share of known views that may be refused.

    Returns:
        The score of each draw, by method and number of views.
    """
    found: dict[tuple[str, int], list[OpenSetScore]] = {}
    for draw in draws:
        known, unknown = feature_of(draw.known), feature_of(draw.unknown)
        for count in views:
            frames, names, objects = draw.taught(count)
            taught = (feature_of(frames), torch.from_numpy(names), torch.from_numpy(objects))
            for name, method in methods.items():
                answers = method(*taught, known, unknown)
                found.setdefault((name, count), []).append(score(answers, draw.targets, refuse_known))
    return found


def _named(chances: Tensor) -> NDArray[np.int64]:
    return np.asarray(chances.argmax(dim=1).cpu().numpy(), np.int64)


def _scores(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.double().cpu().numpy(), np.float64)
