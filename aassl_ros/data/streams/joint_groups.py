"""Joint states as they came: the messages of the same joints are one group, and a joint may be in several groups."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

# Positions, velocities and efforts of a message, each of all its joints or empty.
Rows = Sequence[Sequence[float]]

# Old states are removed in groups of this size, because each removal moves all others.
_CUT_AT = 512


class JointGroup:
    """The messages of the same joints: increasing stamps, and the rows of each."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.stamps: list[int] = []
        self.rows: list[Rows] = []

    def clear(self) -> None:
        """Drop all messages."""
        self.stamps.clear()
        self.rows.clear()

    def forget_before(self, stamp_ns: int) -> None:
        """Drop what no stamp from `stamp_ns` on needs."""
        cut = bisect_right(self.stamps, stamp_ns) - 1
        if cut >= _CUT_AT:
            del self.stamps[:cut], self.rows[:cut]

    def at(self, stamp_ns: int) -> tuple[list[list[float]], int] | None:
        """Rows of all joints and the bracket at a stamp; None before the first stamp and after the last."""
        after = bisect_left(self.stamps, stamp_ns)
        if after == len(self.stamps):
            return None
        unknown = (math.nan,) * len(self.names)
        if self.stamps[after] == stamp_ns:
            return [list(row or unknown) for row in self.rows[after]], 0
        if after == 0:
            return None
        start, bracket = self.stamps[after - 1], self.stamps[after] - self.stamps[after - 1]
        share = (stamp_ns - start) / bracket
        pairs = zip(self.rows[after - 1], self.rows[after], strict=True)
        return [
            [p + share * (q - p) for p, q in zip(a or unknown, b or unknown, strict=True)] for a, b in pairs
        ], bracket


class JointSeries:
    """One joint: the messages of all groups that contain it."""

    def __init__(self) -> None:
        self._places: list[tuple[JointGroup, int]] = []

    def join(self, group: JointGroup, column: int) -> None:
        """Add a group, in which the joint has this column."""
        self._places.append((group, column))

    @property
    def first_ns(self) -> int | None:
        """The first stamp; None if there is none."""
        return min((group.stamps[0] for group, _ in self._places if group.stamps), default=None)

    @property
    def last_ns(self) -> int | None:
        """The last stamp; None if there is none."""
        return max((group.stamps[-1] for group, _ in self._places if group.stamps), default=None)

    def at(self, stamp_ns: int) -> tuple[float, float, float, int] | None:
        """Position, velocity, effort and bracket at a stamp; None before the first stamp and after the last."""
        before: tuple[int, Rows, int] | None = None
        after: tuple[int, Rows, int] | None = None
        for group, column in self._places:
            place = bisect_left(group.stamps, stamp_ns)
            if place < len(group.stamps) and (after is None or group.stamps[place] < after[0]):
                after = group.stamps[place], group.rows[place], column
            if place > 0 and (before is None or group.stamps[place - 1] > before[0]):
                before = group.stamps[place - 1], group.rows[place - 1], column
        if after is None:
            return None
        b = _values(*after[1:])
        if after[0] == stamp_ns:
            return *b, 0
        if before is None:
            return None
        bracket = after[0] - before[0]
        share = (stamp_ns - before[0]) / bracket
        a = _values(*before[1:])
        return (
            a[0] + share * (b[0] - a[0]),
            a[1] + share * (b[1] - a[1]),
            a[2] + share * (b[2] - a[2]),
            bracket,
        )


def _values(rows: Rows, column: int) -> tuple[float, float, float]:
    position, velocity, effort = (row[column] if row else math.nan for row in rows)
    return position, velocity, effort
