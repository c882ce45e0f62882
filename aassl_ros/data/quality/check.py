"""Measures a bag and compares it with thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.labels import labels_path
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.quality.brackets import measure_brackets
from aassl_ros.data.quality.coverage import measure_labels, measure_ledger
from aassl_ros.data.quality.joints import limits_of, measure_encoders, measure_idle, measure_limits
from aassl_ros.data.quality.measured import Measured
from aassl_ros.data.quality.offset import measure_offset
from aassl_ros.data.quality.pictures import measure_pictures
from aassl_ros.data.quality.streams import BagStreams, read_streams
from aassl_ros.data.quality.thresholds import Thresholds
from aassl_ros.data.quality.timing import measure_timing
from aassl_ros.errors import BagError


@dataclass(frozen=True)
class BagQuality:
    """The quality of one bag. findings: problems of the bag as a file. measures: in the order of the report."""

    bag: str
    seconds: float
    messages: int
    findings: tuple[str, ...]
    measures: tuple[Measured, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """All problems, one line each."""
        return (*self.findings, *(problem for measure in self.measures for problem in measure.problems))

    def to_json(self) -> dict[str, Any]:
        """The report without plots; `findings` are all problems."""
        return {
            "bag": self.bag,
            "sound": not self.problems,
            "findings": list(self.problems),
            "seconds": self.seconds,
            "messages": self.messages,
            "notes": list(self.notes),
            "measures": {
                measure.title: {
                    "numbers": measure.numbers,
                    "problems": measure.problems,
                    "notes": measure.notes,
                }
                for measure in self.measures
            },
        }


def measure_bag(
    path: Path | Sequence[Path],
    thresholds: Thresholds | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> BagQuality:
    """Check a bag and measure its quality. A bag with damage inside is a finding, not an error.

    Args:
        path: the folder of the bag, its file, or its files.
        thresholds: the defaults if None.
        progress: called with the number of messages read, and the total.

    Raises:
        BagError: there is no bag that can be opened.
    """
    thresholds = thresholds or Thresholds()
    findings = check_bag(path)
    with BagReader(path) as reader:
        name, seconds, count = str(reader.path), reader.duration_s, reader.message_count
        try:
            streams = read_streams(reader, thresholds, progress)
            episodes, ledger, labels = reader.episodes(), reader.ledger, reader.labels
        except BagError as error:
            findings += [str(error)] if str(error) not in findings else []
            return BagQuality(name, seconds, count, tuple(findings))
        notes = [*streams.notes]
        if labels is not None:
            recorded = len(reader.recorded_episodes())
            notes.append(
                f"episodes are the {len(labels)} of {labels_path(reader.path)}, not the {recorded} of the recording"
            )
    measures = _measure(streams, thresholds)
    measures += [measure_labels(episodes, list(streams.frames.values()), thresholds)]
    measures += [measure_ledger(ledger, thresholds)]
    return BagQuality(name, seconds, count, tuple(findings), tuple(measures), tuple(notes))


def _measure(streams: BagStreams, thresholds: Thresholds) -> list[Measured]:
    measures = []
    for camera, topic in streams.cameras.items():
        if topic in streams.times:
            measures.append(measure_timing(camera, streams.times[topic], thresholds, camera=True))
    for topic in streams.joint_topics:
        if topic in streams.times:
            measures.append(measure_timing(topic, streams.times[topic], thresholds, camera=False))
    for camera, topic in streams.cameras.items():
        frames = streams.frames[topic]
        measures.append(measure_brackets(camera, frames, streams.joints, thresholds))
        measures.append(measure_offset(camera, frames, streams.joints, thresholds))
        measures.append(measure_pictures(camera, frames, streams.joints, thresholds))
    measures.append(measure_idle(streams.joints, thresholds))
    measures.append(measure_encoders(streams.joints, thresholds))
    measures.append(measure_limits(streams.joints, limits_of(streams.robot_description), thresholds))
    return measures
