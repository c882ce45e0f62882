"""What became of the frames that a Synchronizer took."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

# Brackets are counted in steps of 0.01 ms.
BRACKET_UNIT_NS = 10_000


@dataclass
class SyncCounts:
    """Counts of frames, samples and the other messages. brackets: width in steps of 0.01 ms -> number of samples."""

    frames: int = 0
    samples: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    joint_states_dropped: Counter[str] = field(default_factory=Counter)
    too_wide_ms: Counter[int] = field(default_factory=Counter)
    late_commands: int = 0
    restarts: int = 0
    brackets: Counter[int] = field(default_factory=Counter)

    @property
    def bracket_ms_median(self) -> float | None:
        """Median time between the two joint states of a sample, in steps of 0.01 ms; None before the first sample."""
        return self.bracket_ms(0.5)

    def bracket_ms(self, share: float) -> float | None:
        """The time between the two joint states that this share of the samples does not exceed; None without any."""
        wanted, seen = math.ceil(share * self.samples), 0
        for bracket, count in sorted(self.brackets.items()):
            seen += count
            if seen >= wanted:
                return bracket * BRACKET_UNIT_NS / 1e6
        return None
