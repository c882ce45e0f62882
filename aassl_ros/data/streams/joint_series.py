"""The states of one joint, interpolated at any stamp."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

# Old states are removed in groups of this size, because each removal moves all others.
_CUT_AT = 512


@dataclass
class JointSeries:
    """One joint: increasing stamps, and for each the position, velocity and effort."""

    stamps: list[int] = field(default_factory=list)
    values: list[tuple[float, float, float]] = field(default_factory=list)

    def at(self, stamp_ns: int) -> tuple[float, float, float, int] | None:
        """Position, velocity, effort and bracket at a stamp; None before the first stamp and after the last."""
        after = bisect_left(self.stamps, stamp_ns)
        if after == len(self.stamps):
            return None
        if self.stamps[after] == stamp_ns:
            return *self.values[after], 0
        if after == 0:
            return None
        start, bracket = self.stamps[after - 1], self.stamps[after] - self.stamps[after - 1]
        share = (stamp_ns - start) / bracket
        a, b = self.values[after - 1], self.values[after]
        return (
            a[0] + share * (b[0] - a[0]),
            a[1] + share * (b[1] - a[1]),
            a[2] + share * (b[2] - a[2]),
            bracket,
        )

    def forget_before(self, stamp_ns: int) -> None:
        """Drop what no stamp from `stamp_ns` on needs."""
        cut = bisect_right(self.stamps, stamp_ns) - 1
        if cut >= _CUT_AT:
            del self.stamps[:cut], self.values[:cut]
