"""A JointStream that takes many joint states at once, keeps them as arrays and interpolates at many stamps at once.

The states are those of JointStream, bit for bit.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.streams.joint_block import JointBlock
from aassl_ros.data.streams.joint_groups import JointGroup, Rows
from aassl_ros.data.streams.joints import BRACKET_TOO_WIDE, JointState, JointStream

Floats = NDArray[np.float64]

# Old states are dropped in groups of at least this size, as those that were added one by one.
_CUT_AT = 512


@dataclass(frozen=True)
class _Rows:
    """States of all joints. stamps_ns: int64 [n], increasing. values: float64 [3, n, J], see JointState."""

    stamps_ns: NDArray[np.int64]
    values: Floats

    def at(self, stamps_ns: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
        """Values [3, m, J] and brackets [m] at m stamps from the first to the last of these states."""
        after = np.searchsorted(self.stamps_ns, stamps_ns)
        exact = self.stamps_ns[after] == stamps_ns
        before = np.where(exact, after, after - 1)
        brackets = self.stamps_ns[after] - self.stamps_ns[before]
        share = (stamps_ns - self.stamps_ns[before]) / np.maximum(brackets, 1)
        a, b = self.values[:, before], self.values[:, after]
        with np.errstate(invalid="ignore"):  # the difference of two infinite efforts
            between = a + share[:, None] * (b - a)
        return np.where(exact[:, None], b, between), brackets


class JointHistory(JointStream):
    """A JointStream that also takes blocks of states. While only blocks come, all is arrays.

    When something unusual comes, the blocks become single states, and everything is as in JointStream.
    """

    def __init__(self, joints: Sequence[str] = (), publisher: int = 0) -> None:
        super().__init__(joints, publisher)
        # The first row of each, but of the first one, is the last row of the block before.
        self._blocks: list[_Rows] = []
        # The group of the single states before the blocks. There is no usual one while there are blocks.
        self._gathered: JointGroup | None = None

    @property
    def complete_through_ns(self) -> int | None:
        """The last stamp up to which all joints were received; None until all were received once."""
        return int(self._blocks[-1].stamps_ns[-1]) if self._blocks else super().complete_through_ns

    def add_block(self, block: JointBlock) -> bool:
        """Add joint states of one publisher, as `add` for each would.

        Args:
            block: the joint states, in order of receipt.

        Returns:
            False if they must be added one by one: they are not of all joints, stamps do not increase, or positions are
            not finite or jump. Nothing is added then.
        """
        stamps, names, positions = block.stamps_ns, block.names, block.position
        if positions.shape[1] != len(names) or sorted(names) != sorted(self._series) or not self._gather():
            return False
        last = self._blocks[-1]
        last_ns = int(last.stamps_ns[-1])
        rising = stamps[0] > last_ns and bool((np.diff(stamps) > 0).all())
        if not rising or not np.isfinite(positions).all() or not self._publishers.take_block(stamps, names, positions):
            return False
        self._jump.confirmed(int(stamps[-1]), last_ns)  # no jump: a stamp behind, if there was one, was wrong
        unknown = np.full(positions.shape, np.nan)
        values = np.stack([positions, *(one if one.shape[1] else unknown for one in (block.velocity, block.effort))])
        columns = [names.index(name) for name in self._series]
        rows = np.concatenate([last.values[:, -1:], values[:, :, columns]], axis=1)
        self._blocks.append(_Rows(np.concatenate([last.stamps_ns[-1:], stamps]), rows))
        self.last_ns = int(stamps[-1]) if self.last_ns is None else max(self.last_ns, int(stamps[-1]))
        return True

    def at_each(self, stamps_ns: Sequence[int], max_bracket_ns: int) -> list[JointState | str]:
        """The interpolated states at rising stamps, as `at` gives each."""
        found: list[JointState | str] = []
        while len(found) < len(stamps_ns):
            first = stamps_ns[len(found)]
            rows = next((one for one in reversed(self._blocks) if one.stamps_ns[0] <= first <= one.stamps_ns[-1]), None)
            if rows is None:
                found.append(self.at(first, max_bracket_ns))
                continue
            end = bisect_right(stamps_ns, int(rows.stamps_ns[-1]), len(found))
            values, brackets = rows.at(np.array(stamps_ns[len(found) : end], np.int64))
            names = self.names
            for bracket, position, velocity, effort in zip(brackets.tolist(), *values, strict=True):
                if bracket > max_bracket_ns:
                    self.too_wide_ms[-(-bracket // 1_000_000)] += 1
                    found.append(BRACKET_TOO_WIDE)
                else:
                    found.append(JointState(names, position, velocity, effort, bracket))
        return found

    def jumps_back(self, stamp_ns: int, names: Sequence[str]) -> bool:
        """Whether a message of these joints shows that the clock jumped back. Then call `clear` before `add`."""
        self._separate()
        return super().jumps_back(stamp_ns, names)

    def clear(self) -> None:
        """Drop all states. The joint names and their order stay."""
        self._blocks.clear()
        super().clear()

    def add_numbers(self, stamp_ns: int, names: tuple[str, ...], rows: Rows) -> bool:
        """Add one message: see JointStream."""
        self._separate()
        return super().add_numbers(stamp_ns, names, rows)

    def at(self, stamp_ns: int, max_bracket_ns: int) -> JointState | str:
        """The interpolated state at a stamp: see JointStream."""
        self._separate()
        return super().at(stamp_ns, max_bracket_ns)

    def forget_before(self, stamp_ns: int) -> None:
        """Drop states that no stamp from `stamp_ns` on needs."""
        old = sum(int(rows.stamps_ns[-1]) <= stamp_ns for rows in self._blocks[:-1])
        if not self._blocks:
            super().forget_before(stamp_ns)
        elif sum(len(rows.stamps_ns) - 1 for rows in self._blocks[:old]) >= _CUT_AT:
            del self._blocks[:old]
            for group in self._groups.values():
                group.clear()

    def _gather(self) -> bool:
        """Make a block of the last single states, if there is none. Returns whether there is one now."""
        group = self._usual
        if self._blocks or group is None or sorted(group.names) != sorted(self._series):
            return bool(self._blocks)
        count = min(_CUT_AT, len(group.stamps))
        stamps = group.stamps[-count:]
        if any(one.stamps and one.stamps[-1] >= stamps[0] for one in self._groups.values() if one is not group):
            return False
        unknown = (math.nan,) * len(group.names)
        values = np.array([[row or unknown for row in rows] for rows in group.rows[-count:]]).transpose(1, 0, 2)
        del group.stamps[-count:], group.rows[-count:]
        columns = [group.names.index(name) for name in self._series]
        self._blocks.append(_Rows(np.array(stamps, np.int64), values[:, :, columns]))
        self._gathered, self._usual = group, None
        return True

    def _separate(self) -> None:
        """Make single states of the blocks, in the group that the last single states came from."""
        group = self._gathered
        if not self._blocks or group is None:
            return
        names = list(self._series)
        columns = [names.index(name) for name in group.names]
        for number, rows in enumerate(self._blocks):
            new = min(number, 1)
            group.stamps += rows.stamps_ns[new:].tolist()
            group.rows += rows.values[:, new:, columns].transpose(1, 0, 2).tolist()
        self._blocks.clear()
        self._usual, self._complete_known = group, False
