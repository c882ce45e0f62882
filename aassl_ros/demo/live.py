"""Compare the evaluator's live answers with the true categories, through the episode of each answered frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams.episodes import EpisodeEvent, EpisodeTracker
from aassl_ros.learning.measures.reliability import Reliability


@dataclass(frozen=True)
class LiveAnswer:
    """One answer of the evaluator for a frame of a test object.

    stamp_ns: stamp of the frame. confidence: probability of the best category.
    """

    stamp_ns: int
    named: str
    truth: str
    instance: str
    latency_ms: float
    checkpoint: str
    confidence: float

    @property
    def right(self) -> bool:
        return self.named == self.truth

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def score_answers(
    answers: Iterable[EvaluatorAnswer], episodes: Iterable[EpisodeEvent], *, sets: tuple[str, ...] = ("test",)
) -> list[LiveAnswer]:
    """Return the answers for frames in episodes of these sets, each with the true category.

    Frames between episodes and frames of discarded episodes are left out: they have no true category.
    """
    tracker = EpisodeTracker()
    for event in episodes:
        tracker.add(event)
    scored = []
    for answer in answers:
        episode = tracker.at(answer.stamp_ns)
        if episode is not None and not episode.discarded and episode.set in sets:
            scored.append(
                LiveAnswer(
                    answer.stamp_ns,
                    answer.label,
                    str(episode.category),
                    episode.instance,
                    answer.latency_ms,
                    answer.checkpoint,
                    answer.confidence,
                )
            )
    return scored


def live_accuracy(answers: Sequence[Mapping[str, Any]]) -> float:
    """Share of correct answers among `LiveAnswer.to_json()` records."""
    return sum(answer["named"] == answer["truth"] for answer in answers) / len(answers)


def live_reliability(answers: Sequence[Mapping[str, Any]]) -> Reliability:
    """How reliable the confidence of answers is that give a category. Older demos did not note it."""
    named = [answer for answer in answers if answer["named"] != UNKNOWN and "confidence" in answer]
    return Reliability.of_answers(
        np.array([answer["confidence"] for answer in named], np.float64),
        np.array([answer["named"] == answer["truth"] for answer in named], bool),
    )


def accuracy_by_checkpoint(answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Count answers and correct ones for each encoder that gave some, in the order of its first answer."""
    of_each: dict[str, list[Mapping[str, Any]]] = {}
    for answer in answers:
        # Demos before 0.2.0 did not note which encoder answered.
        of_each.setdefault(answer.get("checkpoint", ""), []).append(answer)
    return [
        {"checkpoint": checkpoint, "answers": len(given), "accuracy": live_accuracy(given)}
        for checkpoint, given in of_each.items()
    ]
