"""Merges joint state messages, which may be partial, by joint name, and interpolates the state at any stamp."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.streams.clock_jump import JumpBack
from aassl_ros.data.streams.joint_groups import JointGroup, JointSeries, Rows
from aassl_ros.data.streams.publishers import PublisherTracks

Floats = NDArray[np.float64]

# The ledgers in bags contain these texts. If you reword one, keep reading the old text too.
# Why a message was dropped.
NOT_FINITE = "not finite"
WRONG_LENGTH = "wrong length"
PARTLY_FINITE = "some joints not finite, the others kept"
NO_POSITIONS = "no positions"
NO_STAMP = "no stamp"
WENT_BACKWARD = "stamp went backward"
OTHER_PUBLISHER = "another publisher"
MALFORMED = (NOT_FINITE, WRONG_LENGTH, NO_POSITIONS)
# Why there is no state at a stamp.
NO_STATE_BEFORE = "no joint state before"
STREAM_ENDED = "joint stream ended"
STREAM_SILENT = "joint stream silent"
BRACKET_TOO_WIDE = "bracket too wide"
JOINT_MISSING = "joint missing"
# A frame before the first or after the last joint state cannot have a sample. This does not count as a loss.
EDGE_REASONS = (NO_STATE_BEFORE, STREAM_ENDED)

_UNKNOWN = (math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class JointState:
    """All joints at one stamp.

    position, velocity, effort: float64 [J], rad, rad/s and Nm (m, m/s, N for sliding joints); NaN if unknown.
    bracket_ns: the time between the two messages used for interpolation, ns, largest over the joints; 0 if a message
    has this stamp.
    """

    names: tuple[str, ...]
    position: Floats
    velocity: Floats
    effort: Floats
    bracket_ns: int


class JointStream:
    """Takes joint state messages and interpolates linearly between the two messages around a stamp.

    A message may contain only some of the joints.

    Args:
        joints: the wanted joints, in this order; a state needs all of them. Empty means every joint that was received,
            in order of appearance; a joint not yet received at a stamp is NaN in its state.
        publisher: if several publishers of the same joints are mixed, which one to take (see PublisherTracks); 0: all.

    Attributes:
        dropped: messages dropped, by reason.
        too_wide_ms: brackets wider than allowed, ms, and how many states they cost.
    """

    def __init__(self, joints: Sequence[str] = (), publisher: int = 0) -> None:
        self._fixed = bool(joints)
        self._series: dict[str, JointSeries] = {name: JointSeries() for name in joints}
        self._jump = JumpBack()
        self._publishers = PublisherTracks(publisher)
        self.dropped: Counter[str] = Counter()
        self.too_wide_ms: Counter[int] = Counter()
        self.last_ns: int | None = None
        self._groups: dict[tuple[str, ...], JointGroup] = {}
        # The joints of the last message, of which nearly all messages have the same, and whether these are all joints.
        self._usual: JointGroup | None = None
        self._usual_all = False
        self._complete_ns: int | None = None
        self._complete_known = False

    @property
    def names(self) -> tuple[str, ...]:
        """The joints, in the order of the arrays of each state."""
        return tuple(self._series)

    @property
    def complete_through_ns(self) -> int | None:
        """The last stamp up to which all joints were received; None until all were received once."""
        if not self._complete_known:
            stamps = [series.last_ns for series in self._series.values()]
            known = [stamp_ns for stamp_ns in stamps if stamp_ns is not None]
            self._complete_ns = min(known) if known and len(known) == len(stamps) else None
            self._complete_known = True
        return self._complete_ns

    def jumps_back(self, stamp_ns: int, names: Sequence[str]) -> bool:
        """Whether a message of these joints shows that the clock jumped back. Then call `clear` before `add`."""
        newest_ns = self._newest_ns(names)
        return newest_ns is not None and self._jump.confirmed(stamp_ns, newest_ns)

    def _newest_ns(self, names: Sequence[str]) -> int | None:
        """The newest stamp of any of these joints."""
        stamps = [series.last_ns for name in names if (series := self._series.get(name)) is not None]
        return max((stamp_ns for stamp_ns in stamps if stamp_ns is not None), default=None)

    def clear(self) -> None:
        """Drop all states. The joint names and their order stay."""
        for group in self._groups.values():
            group.clear()
        self._publishers.clear()
        self.last_ns = None
        self._usual = None
        self._complete_known = False

    @property
    def publishers_problem(self) -> str:
        """Which publishers of the same joints are mixed; empty if none are."""
        return self._publishers.problem

    def add(
        self,
        stamp_ns: int,
        names: Sequence[str],
        positions: ArrayLike,
        velocities: ArrayLike = (),
        efforts: ArrayLike = (),
    ) -> bool:
        """Add one message.

        Args:
            stamp_ns: its stamp, ns; it must increase for each joint.
            names: the names of n joints.
            positions: [n], rad or m. Joints whose position is not finite are left out.
            velocities: [n], may contain NaN, or empty.
            efforts: [n], may contain NaN, or empty.

        Returns:
            False if the message was dropped; `dropped` counts it.
        """
        rows = [np.asarray(values, np.float64).tolist() for values in (positions, velocities, efforts)]
        return self.add_numbers(stamp_ns, tuple(names), rows)

    def add_numbers(self, stamp_ns: int, names: tuple[str, ...], rows: Rows) -> bool:
        """Add one message as `add` does. rows: positions, velocities and efforts, which must not change."""
        reason = self._wrong_form(names, rows)
        if not reason and not all(map(math.isfinite, rows[0])):
            names, rows = _finite_joints(names, rows)
            if names:
                self.dropped[PARTLY_FINITE] += 1
            else:
                reason = NOT_FINITE
        if not reason and not self._publishers.take(stamp_ns, names, rows[0]):
            reason = OTHER_PUBLISHER
        reason = reason or self._wrong_stamp(stamp_ns, names)
        if reason:
            self.dropped[reason] += 1
            return False
        group = self._group_of(names)
        group.stamps.append(stamp_ns)
        group.rows.append(rows)
        self.last_ns = stamp_ns if self.last_ns is None else max(self.last_ns, stamp_ns)
        self._complete_ns, self._complete_known = stamp_ns, self._usual_all
        return True

    def add_usual(self, stamp_ns: int, names: tuple[str, ...], rows: Rows) -> bool:
        """Add a message if it is as nearly all are: newer, of the same joints as the one before, and they hardly moved.

        Returns:
            False if it is not. Nothing was done then: ask `jumps_back`, and call `add_numbers`.
        """
        group = self._usual
        if group is None or names != group.names or self.last_ns is None or stamp_ns <= self.last_ns:
            return False
        count = len(names)
        if len(rows[0]) != count or len(rows[1]) not in (0, count) or len(rows[2]) not in (0, count):
            return False
        if not self._publishers.take_near(stamp_ns, names, rows[0]):
            return False
        self._jump.clear()
        group.stamps.append(stamp_ns)
        group.rows.append(rows)
        self.last_ns = stamp_ns
        self._complete_ns, self._complete_known = stamp_ns, self._usual_all
        return True

    def _group_of(self, names: tuple[str, ...]) -> JointGroup:
        """The group of these joints, which may be new and is now the usual one."""
        group = self._groups.get(names)
        if group is None:
            group = self._groups[names] = JointGroup(names)
            for column, name in enumerate(names):
                if not self._fixed or name in self._series:
                    self._series.setdefault(name, JointSeries()).join(group, column)
        self._usual = None if self._series.keys().isdisjoint(names) else group
        self._usual_all = self._series.keys() <= set(names)
        return group

    def _wrong_form(self, names: Sequence[str], rows: Rows) -> str:
        if names and not rows[0]:
            return NO_POSITIONS
        right_length = len(rows[0]) == len(names) and all(len(row) in (0, len(names)) for row in rows[1:])
        return "" if right_length and names and len(set(names)) == len(names) else WRONG_LENGTH

    def _wrong_stamp(self, stamp_ns: int, names: Sequence[str]) -> str:
        newest_ns = self._newest_ns(names)
        if newest_ns is None or newest_ns < stamp_ns:
            return ""
        return NO_STAMP if stamp_ns == 0 else WENT_BACKWARD

    def at(self, stamp_ns: int, max_bracket_ns: int) -> JointState | str:
        """The interpolated state at a stamp.

        Args:
            stamp_ns: the stamp, ns.
            max_bracket_ns: the largest allowed bracket (see JointState), ns.

        Returns:
            The state, or the reason why there is none (one of the constants of this module).
        """
        usual = self._usual
        if usual is not None and len(self._groups) == 1 and usual.names == self.names:
            state = usual.at(stamp_ns)
            if state is not None and state[1] <= max_bracket_ns:
                position, velocity, effort = map(np.array, state[0])
                return JointState(usual.names, position, velocity, effort, state[1])
        columns: list[tuple[float, float, float]] = []
        widest = heard = 0
        for series in self._series.values():
            found = series.at(stamp_ns)
            if found is None:
                first_ns = series.first_ns
                if first_ns is None or first_ns > stamp_ns:
                    if self._fixed:
                        return JOINT_MISSING if self._others_heard(stamp_ns) else NO_STATE_BEFORE
                    columns.append(_UNKNOWN)
                    continue
                return JOINT_MISSING if self.last_ns is not None and self.last_ns >= stamp_ns else STREAM_ENDED
            heard += 1
            widest = max(widest, found[3])
            columns.append(found[:3])
        if heard == 0:
            return NO_STATE_BEFORE
        if widest > max_bracket_ns:
            self.too_wide_ms[-(-widest // 1_000_000)] += 1
            return BRACKET_TOO_WIDE
        position, velocity, effort = np.array(list(zip(*columns, strict=True)))
        return JointState(self.names, position, velocity, effort, widest)

    def _others_heard(self, stamp_ns: int) -> bool:
        stamps = [series.first_ns for series in self._series.values()]
        return any(first_ns is not None and first_ns <= stamp_ns for first_ns in stamps)

    def forget_before(self, stamp_ns: int) -> None:
        """Drop states that no stamp from `stamp_ns` on needs."""
        for group in self._groups.values():
            group.forget_before(stamp_ns)


def _finite_joints(names: Sequence[str], rows: Rows) -> tuple[tuple[str, ...], Rows]:
    """The joints whose position is finite, with their values."""
    kept = [index for index, position in enumerate(rows[0]) if math.isfinite(position)]
    return tuple(names[index] for index in kept), [[row[index] for index in kept] if row else [] for row in rows]
