"""What was read from one source and what could not be used: stored with its part of the prepared data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from aassl_ros.data.bags.recorded_samples import Comparison


@dataclass
class BagCounts:
    """Counts of a bag's frames, and of messages that could not be used."""

    frames: int = 0
    kept: int = 0
    outside_episodes: int = 0
    without_sample: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    messages_refused: Counter[str] = field(default_factory=Counter)
    hints: list[str] = field(default_factory=list)
    publishers_mixed: bool = False

    def add(self, other: BagCounts) -> None:
        self.frames += other.frames
        self.kept += other.kept
        self.outside_episodes += other.outside_episodes
        self.without_sample += other.without_sample
        self.unusable += other.unusable
        self.messages_refused += other.messages_refused
        self.hints += other.hints
        self.publishers_mixed |= other.publishers_mixed

    def to_json(self) -> dict[str, Any]:
        # Not asdict, which cannot copy a Counter.
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> BagCounts:
        restored: dict[str, Any] = {
            name: Counter(value) if isinstance(value, dict) else value for name, value in values.items()
        }
        return cls(**restored)


@dataclass(frozen=True)
class PartReport:
    """What was read from one bag or picture folder.

    counts: of a bag. comparison: of its samples with the recorder's; None for pictures. notes: lines for the user,
    without the source's path. continuous_joints: joints whose angle wraps. pictures, unreadable: numbers of picture
    files, and of those that are not pictures.
    """

    counts: BagCounts = field(default_factory=BagCounts)
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()
    continuous_joints: tuple[str, ...] = ()
    pictures: int = 0
    unreadable: int = 0

    @property
    def frames_read(self) -> int:
        """Frames and pictures that were read, also unused ones."""
        return self.counts.frames + self.pictures

    def to_json(self) -> dict[str, Any]:
        return {
            "counts": self.counts.to_json(),
            "comparison": None if self.comparison is None else list(vars(self.comparison).values()),
            "notes": list(self.notes),
            "continuous_joints": list(self.continuous_joints),
            "pictures": self.pictures,
            "unreadable": self.unreadable,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PartReport:
        """The report from the values that `to_json` returned. Raises KeyError or TypeError if they are others."""
        comparison = values["comparison"]
        return cls(
            BagCounts.from_json(values["counts"]),
            None if comparison is None else Comparison(*comparison),
            tuple(values["notes"]),
            tuple(values["continuous_joints"]),
            int(values["pictures"]),
            int(values["unreadable"]),
        )
