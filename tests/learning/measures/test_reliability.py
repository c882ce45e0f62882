"""Reliability diagrams: every answer counts once, in the bin of its confidence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aassl_ros.learning.measures.reliability import Reliability

CONFIDENCE = np.array([0.95, 0.55, 1.0, 0.1, 0.51])
CORRECT = np.array([True, False, True, False, True])


def test_answers_are_counted_in_the_bin_of_their_confidence() -> None:
    diagram = Reliability.of_answers(CONFIDENCE, CORRECT)
    assert diagram.answers.tolist() == [0, 1, 0, 0, 0, 2, 0, 0, 0, 2]
    assert diagram.accuracy[[1, 5, 9]].tolist() == [0.0, 0.5, 1.0]
    assert diagram.confidence[[1, 5, 9]].tolist() == pytest.approx([0.1, 0.53, 0.975])
    assert diagram.ece == pytest.approx((0.1 + 2 * 0.03 + 2 * 0.025) / 5)


def test_no_answer_has_no_error() -> None:
    diagram = Reliability.of_answers(np.zeros(0), np.zeros(0, bool))
    assert (diagram.answers.sum(), diagram.ece) == (0, 0.0)


def test_diagrams_of_parts_give_that_of_all() -> None:
    parts = [Reliability.of_answers(CONFIDENCE[some], CORRECT[some]) for some in (slice(0, 2), slice(2, 5))]
    for pooled, whole in zip(Reliability.pooled(parts), Reliability.of_answers(CONFIDENCE, CORRECT), strict=True):
        assert pooled.tolist() == pytest.approx(whole.tolist())


def test_a_diagram_comes_back_from_json() -> None:
    diagram = Reliability.of_answers(CONFIDENCE, CORRECT)
    again = Reliability.of_bins(json.loads(json.dumps(diagram.bins())))
    assert again.answers.tolist() == diagram.answers.tolist()
    assert again.ece == pytest.approx(diagram.ece, abs=1e-3)
