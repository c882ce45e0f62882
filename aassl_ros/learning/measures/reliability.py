"""Reliability diagrams (Guo et al., ICML 2017): the share of correct answers over the confidence of the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Reliability(NamedTuple):
    """A reliability diagram: mean confidence, share of correct answers and number of answers of each bin, [B] each."""

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    answers: NDArray[np.int64]

    @property
    def ece(self) -> float:
        """The expected calibration error: mean of |confidence - accuracy|, weighted by the number of answers."""
        return float((np.abs(self.confidence - self.accuracy) * self.answers).sum() / max(1, self.answers.sum()))

    def bins(self) -> list[dict[str, float]]:
        """Each bin as an object of JSON."""
        return [
            {"confidence": round(confidence, 4), "accuracy": round(accuracy, 4), "answers": answers}
            for confidence, accuracy, answers in zip(*(each.tolist() for each in self), strict=True)
        ]

    @classmethod
    def of_bins(cls, bins: Sequence[Mapping[str, Any]]) -> Reliability:
        """Read what `bins` wrote."""
        confidence, accuracy, answers = (np.array([each[key] for each in bins], np.float64) for key in cls._fields)
        return cls(confidence, accuracy, answers.astype(np.int64))

    @classmethod
    def of_answers(cls, confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = 10) -> Reliability:
        """Compare the confidence of N answers, float64 [N] from 0 to 1, with whether they are correct, bool [N].

        bins: number of bins of equal width; empty ones have 0 answers.
        """
        place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
        count = np.bincount(place, minlength=bins)
        divisor = np.maximum(count, 1)
        sure, right = (np.bincount(place, values, minlength=bins) / divisor for values in (confidence, correct))
        return cls(sure, right, count)

    @classmethod
    def pooled(cls, diagrams: Iterable[Reliability]) -> Reliability:
        """The diagram of all answers of one or more diagrams with the same bins."""
        each = list(diagrams)
        count = np.sum([one.answers for one in each], axis=0)
        divisor = np.maximum(count, 1)
        return cls(
            np.sum([one.confidence * one.answers for one in each], axis=0) / divisor,
            np.sum([one.accuracy * one.answers for one in each], axis=0) / divisor,
            count,
        )
