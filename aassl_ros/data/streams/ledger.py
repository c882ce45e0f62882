"""Counts of received, written and dropped messages of a recording, for diagnostics, bag and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from aassl_ros.data.interfaces.json_catalogue import LEDGER
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.data.streams.joints import EDGE_REASONS
from aassl_ros.data.streams.sync_counts import SyncCounts
from aassl_ros.data.streams.topic_counts import EpisodeCounts, TopicCounts
from aassl_ros.errors import BagError

__all__ = ["EpisodeCounts", "Ledger", "TopicCounts"]


_BRACKETS = ("bracket_ms_median", "bracket_ms_p99", "bracket_ms_max")


@dataclass
class Ledger:
    """The counts of one bag. Each field and each total (frames_received and so on) is a key of its JSON."""

    topics: dict[str, TopicCounts] = field(default_factory=dict)
    frame_topics: list[str] = field(default_factory=list)
    frames_with_sample: int = 0
    frames_without_sample: dict[str, int] = field(default_factory=dict)
    bracket_ms_median: float | None = None
    bracket_ms_p99: float | None = None
    bracket_ms_max: float | None = None
    joint_states_dropped: dict[str, int] = field(default_factory=dict)
    commands_refused: int = 0
    commands_late: int = 0
    clock_restarts: int = 0
    episodes_started: int = 0
    episodes_refused: int = 0
    frames_of_unknown_encoding: int = 0
    frames_of_another_size: int = 0
    messages_unreadable: int = 0
    warnings: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def frames_received(self) -> int:
        """Number of camera frames received."""
        return sum(counts.received for counts in self._frames())

    @property
    def frames_written(self) -> int:
        """Number of camera frames in the bag."""
        return sum(counts.written for counts in self._frames())

    @property
    def frames_dropped(self) -> int:
        """Number of camera frames that were sent but are not in the bag, because they were lost or dropped."""
        return sum(counts.dropped + counts.lost for counts in self._frames())

    @property
    def messages_dropped(self) -> int:
        """Number of messages of all topics that were sent but are not in the bag."""
        return sum(counts.dropped + counts.lost for counts in self.topics.values())

    @property
    def lossy(self) -> bool:
        """Whether data are missing or unusable.

        That is: a message that was sent is not in the bag, a frame between joint states has no sample, or the bag
        contains messages that training cannot use.
        """
        unusable = self.frames_of_unknown_encoding + self.frames_of_another_size + self.messages_unreadable
        if self.messages_dropped > 0 or unusable > 0:
            return True
        if self.closed and self.frames_received > 0 and self.frames_with_sample == 0:
            return True
        return any(reason not in EDGE_REASONS for reason in self.frames_without_sample)

    def problems(self) -> dict[str, int]:
        """Problems with received messages, and how often each occurred."""
        found = {
            f"frames without sample ({reason})": count
            for reason, count in self.frames_without_sample.items()
            if reason not in EDGE_REASONS
        }
        found |= {f"joint states dropped ({reason})": count for reason, count in self.joint_states_dropped.items()}
        found |= {
            "frames whose pixels cannot be read": self.frames_of_unknown_encoding,
            "frames of another size than the first": self.frames_of_another_size,
            "messages that cannot be read": self.messages_unreadable,
            "commands refused": self.commands_refused,
            "episode events refused": self.episodes_refused,
            "restarts of the clock": self.clock_restarts,
        }
        return {what: count for what, count in found.items() if count}

    def _frames(self) -> Iterable[TopicCounts]:
        return [self.topics[topic] for topic in self.frame_topics if topic in self.topics]

    def add_samples(self, counts: Iterable[SyncCounts]) -> None:
        """Set the counts of samples from the counts of each camera's Synchronizer."""
        rejected: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        every = SyncCounts()
        for one in counts:
            every.samples += one.samples
            every.brackets += one.brackets
            rejected += one.rejected
            # All synchronizers receive the same joint states and commands, so those counts must not be added.
            dropped |= one.joint_states_dropped
            every.late_commands = max(every.late_commands, one.late_commands)
            every.restarts = max(every.restarts, one.restarts)
        self.frames_with_sample = every.samples
        self.frames_without_sample = dict(rejected)
        self.bracket_ms_median = every.bracket_ms_median
        self.bracket_ms_p99, self.bracket_ms_max = every.bracket_ms(0.99), every.bracket_ms(1.0)
        self.joint_states_dropped = dict(dropped)
        self.commands_late = every.late_commands
        self.clock_restarts = every.restarts

    def _totals(self) -> dict[str, int]:
        return {
            "frames_received": self.frames_received,
            "frames_written": self.frames_written,
            "frames_dropped": self.frames_dropped,
            "frames_with_sample": self.frames_with_sample,
        }

    def numbers(self) -> dict[str, object]:
        """The counts that diagnostics show."""
        return {
            **self._totals(),
            "frames_without_sample": sum(self.frames_without_sample.values()),
            **{name: "" if (value := getattr(self, name)) is None else value for name in _BRACKETS},
            "messages_dropped": self.messages_dropped,
            "joint_states_dropped": sum(self.joint_states_dropped.values()),
            "frames_of_unknown_encoding": self.frames_of_unknown_encoding,
            "frames_of_another_size": self.frames_of_another_size,
            "messages_unreadable": self.messages_unreadable,
            "commands_refused": self.commands_refused,
            "episodes_started": self.episodes_started,
            "episodes_refused": self.episodes_refused,
            **{topic: counts.summary() for topic, counts in self.topics.items()},
        }

    def topic_lines(self) -> list[str]:
        """One line for each topic: counts, losses by cause, rate, jitter, longest gap and latency."""
        lines = [f"{topic}: {counts.summary()}" for topic, counts in self.topics.items() if counts.received]
        if self.bracket_ms_median is not None and self.bracket_ms_max is not None:
            lines.append(
                f"time between the joint states around a frame: median {self.bracket_ms_median:.4g} ms, "
                f"p99 {self.bracket_ms_p99:.4g} ms, max {self.bracket_ms_max:.4g} ms"
            )
        return lines

    def told(self) -> str:
        """The summary, and a line for each topic below it."""
        return "\n".join([self.summary(), *(f"  {line}" for line in self.topic_lines())])

    def as_dict(self) -> dict[str, Any]:
        """All counts with the totals first, as `aassl bag info --json` prints them."""
        return {
            **self._totals(),
            "bracket_ms_median": self.bracket_ms_median,
            "messages_dropped": self.messages_dropped,
            **asdict(self),
        }

    def to_json(self) -> str:
        """One JSON object, with the name of its schema."""
        return LEDGER.encode(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> Ledger:
        """Read a ledger from JSON. Raises BagError if it is damaged or of a newer version."""
        try:
            values = LEDGER.decode(text)
        except JsonMessageError as error:
            raise BagError(f"The ledger of the bag is damaged: {error}") from error
        own = {name: values[name] for name in cls.__dataclass_fields__}
        own["topics"] = {topic: TopicCounts(**counts) for topic, counts in values["topics"].items()}
        return cls(**own)

    def summary(self) -> str:
        """One line of text: frames, samples, and all losses."""
        parts = [
            f"{self.frames_received} frames received, {self.frames_written} written, {self.frames_dropped} dropped",
            f"{self.frames_with_sample} with sample",
        ]
        edges = {reason: count for reason, count in self.frames_without_sample.items() if reason in EDGE_REASONS}
        parts += [f"{count} without ({reason})" for reason, count in edges.items()]
        parts += [f"{count} {what}" for what, count in self.problems().items()]
        others = self.messages_dropped - self.frames_dropped
        parts.append(
            f"{sum(counts.written for counts in self.topics.values())} messages in all, {others} others dropped"
        )
        return "; ".join(parts) + "."
