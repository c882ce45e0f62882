"""The evaluator's answers in a bag, beside the categories of its episodes."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams.messages import STRING
from aassl_ros.errors import BagError, DataError
from aassl_ros.learning.measures.reliability import Reliability


@dataclass(frozen=True)
class BagAnswers:
    """The answers on one topic, in order of receipt.

    topic: its name. received: number of answers. The other fields are of the N answers for frames of episodes with a
    category. stamps_ns: int64 [N]; named: what was answered, also UNKNOWN; truth: the category of the episode;
    confidence: of the best category, float64 [N].
    """

    topic: str
    received: int
    stamps_ns: NDArray[np.int64]
    named: tuple[str, ...]
    truth: tuple[str, ...]
    confidence: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which answers are correct, bool [N]."""
        return np.array([named == truth for named, truth in zip(self.named, self.truth, strict=True)], bool)

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Which answers are UNKNOWN, bool [N]."""
        return np.array([named == UNKNOWN for named in self.named], bool)

    def reliability(self) -> Reliability:
        """How reliable the confidence of the answers is that give a category."""
        given = ~self.unknown
        return Reliability.of_answers(self.confidence[given], self.right[given])


def bag_answers(path: Path) -> tuple[BagAnswers, ...]:
    """Read the answers of a bag.

    Args:
        path: the bag. If it is damaged, what can be read counts.

    Returns:
        The answers on each topic of an evaluator that has some.

    Raises:
        BagError: there is no bag that can be opened.
    """
    with BagReader(path) as reader:
        names = [name for name, topic in reader.topics.items()
                 if topic.type == STRING and name.endswith(f"/{topics.ANSWER}")]  # fmt: skip
        found = tuple(_answers(reader, name) for name in names)
    return tuple(each for each in found if each.received)


def _answers(reader: BagReader, topic: str) -> BagAnswers:
    episodes = [one for one in reader.episodes() if not one.discarded]
    starts = [one.start_ns for one in episodes]
    received = 0
    kept: list[tuple[int, str, str, float]] = []
    with contextlib.suppress(BagError):  # damaged: the report of the bag says so
        for message in reader.messages([topic]):
            try:
                answer = EvaluatorAnswer.parse(reader.decode(message).data)
            except DataError:
                continue
            received += 1
            place = bisect_right(starts, answer.stamp_ns) - 1
            if place >= 0 and episodes[place].holds(answer.stamp_ns) and episodes[place].category:
                kept.append((answer.stamp_ns, answer.label, str(episodes[place].category), answer.confidence))
    return BagAnswers(
        topic,
        received,
        np.array([row[0] for row in kept], np.int64),
        tuple(row[1] for row in kept),
        tuple(row[2] for row in kept),
        np.array([row[3] for row in kept], np.float64),
    )
