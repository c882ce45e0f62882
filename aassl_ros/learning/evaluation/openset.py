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
from aassl_ros.learning.measures.reliability import Reliability
from aassl_ros.learning.readout.classifiers import KNearest
from aassl_ros.learning.recognition.calibration import reliability
from aassl_ros.learning.recognition.judge import Judge
from aassl_ros.learning.recognition.seen import SeenObjects

KNN, JUDGE = "knn", "judge"
SEEN, SEEN_KINDS = "judge, seen", "judge, seen kinds"
"""The judge with unnamed objects that were seen: of all categories, or only of those that are taught."""
NEIGHBOURS = 20


@dataclass(frozen=True)
class Answers:
    """Answers to asked views.

    chances: probabilities of the names for the known views, [K, C]. known, unknown: the scores of known [K] and unknown
    [U] views. threshold: the score below which the method itself says unknown; None if it has no such threshold.
    """

    chances: NDArray[np.float64]
    known: NDArray[np.float64]
    unknown: NDArray[np.float64]
    threshold: float | None


@dataclass(frozen=True)
class OpenSetScore:
    """Fractions of 1 of one draw.

    accuracy: known views that are named correctly, if none is refused. refused: unknown views that are refused at the
    score that refuses refuse_known of the known views asked: no threshold for all views can refuse more. auroc: of
    known against unknown. own_known, own_unknown: views refused at the method's own threshold, which it chose on the
    views taught; NaN if it has none. reliability: of the names of known views.
    """

    accuracy: float
    refused: float
    auroc: float
    own_known: float
    own_unknown: float
    reliability: Reliability

    @property
    def ece(self) -> float:
        """The expected calibration error of the names of known views."""
        return self.reliability.ece


@dataclass(frozen=True)
class LevelScores:
    """The scores of single views, and of handled objects: of each, the mean over its asked views counts."""

    views: OpenSetScore
    objects: OpenSetScore


SCORE_TITLES = {
    "accuracy": "correct",
    "refused": "unknown refused",
    "auroc": "AUROC",
    "own_known": "own limit: known refused",
    "own_unknown": "own limit: unknown refused",
    "ece": "calibration error",
}
"""What tables call each score of OpenSetScore."""

ASKED = {"views": "", "objects": "object_"}
"""The fields of LevelScores, and what the names of their scores begin with in the benchmark's figures."""


Method = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Answers]
"""Answers of (taught features, names, objects, known features, unknown features)."""


def nearest_neighbours(taught: Tensor, names: Tensor, objects: Tensor, known: Tensor, unknown: Tensor) -> Answers:
    """Plain kNN; the score is its highest probability."""
    classify = KNearest(taught, names, NEIGHBOURS)
    chances = classify(known)
    sure, unsure = chances.max(dim=1).values, classify(unknown).max(dim=1).values
    return Answers(_array(chances), _array(sure), _array(unsure), None)


def judged(refuse_known: float, seen: SeenObjects | None = None) -> Method:
    """The judge of recognition; the score is the familiarity. seen: objects that were seen without names."""

    def answer(taught: Tensor, names: Tensor, objects: Tensor, known: Tensor, unknown: Tensor) -> Answers:
        judge = Judge(taught, names, objects, refuse_known=refuse_known, seen=seen)
        chances, familiar = judge(known)
        return Answers(_array(chances), _array(familiar), _array(judge(unknown)[1]), judge.facts.unknown.value)

    return answer


def score(answers: Answers, targets: NDArray[np.int64], refuse_known: float) -> OpenSetScore:
    """Score the answers. targets: the names of the known views, int64 [K]."""
    limit = float(np.quantile(answers.known, refuse_known))
    both = np.concatenate([answers.known, answers.unknown])
    is_known = np.arange(len(both)) < len(answers.known)
    own = answers.threshold
    return OpenSetScore(
        accuracy=float((answers.chances.argmax(axis=1) == targets).mean()),
        refused=float((answers.unknown < limit).mean()),
        auroc=float(roc_auc_score(is_known, both)),
        own_known=float("nan") if own is None else float((answers.known < own).mean()),
        own_unknown=float("nan") if own is None else float((answers.unknown < own).mean()),
        reliability=reliability(torch.from_numpy(answers.chances), torch.from_numpy(targets)),
    )


def by_object(
    answers: Answers, targets: NDArray[np.int64], known: NDArray[np.int64], unknown: NDArray[np.int64]
) -> tuple[Answers, NDArray[np.int64]]:
    """Average over the views of each handled object.

    Args:
        answers: of views.
        targets: the names of the known views, int64 [K].
        known, unknown: the episodes of the known [K] and unknown [U] views, int64.

    Returns:
        The answers of M handled objects, and the names of the known ones.
    """
    known_ids, first, known_of = np.unique(known, return_index=True, return_inverse=True)
    unknown_ids, unknown_of = np.unique(unknown, return_inverse=True)
    means = Answers(
        np.stack([answers.chances[known_of == place].mean(axis=0) for place in range(len(known_ids))]),
        np.bincount(known_of, answers.known) / np.bincount(known_of),
        np.bincount(unknown_of, answers.unknown) / np.bincount(unknown_of, minlength=len(unknown_ids)),
        answers.threshold,
    )
    return means, targets[first]


@torch.no_grad()
def open_set_scores(
    feature_of: Callable[[NDArray[np.int64]], Tensor],
    draws: Sequence[Draw],
    views: Sequence[int],
    methods: Callable[[Draw], dict[str, Method]],
    refuse_known: float,
) -> dict[tuple[str, int], list[LevelScores]]:
    """Run the protocol for one encoder.

    Args:
        feature_of: gives the features float [N, D] of frames int64 [N].
        draws: the choices of known names.
        views: numbers of views of each name that are taught; 0: all.
        methods: what answers, for a choice of known names.
        refuse_known: share of known views that may be refused.

    Returns:
        The scores of each draw, by method and number of views.
    """
    found: dict[tuple[str, int], list[LevelScores]] = {}
    for draw in draws:
        known, unknown = feature_of(draw.known), feature_of(draw.unknown)
        answering = methods(draw)
        for count in views:
            frames, names, objects = draw.taught(count)
            taught = (feature_of(frames), torch.from_numpy(names), torch.from_numpy(objects))
            for name, method in answering.items():
                answers = method(*taught, known, unknown)
                means, targets = by_object(answers, draw.targets, draw.known_handled, draw.unknown_handled)
                scores = LevelScores(score(answers, draw.targets, refuse_known), score(means, targets, refuse_known))
                found.setdefault((name, count), []).append(scores)
    return found


def _array(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.double().cpu().numpy(), np.float64)
