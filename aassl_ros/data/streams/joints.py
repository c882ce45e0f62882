"""Merges joint state messages, which may be partial, by joint name, and interpolates the state at any stamp."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.streams.clock_jump import JumpBack
from aassl_ros.data.streams.joint_series import JointSeries
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
        # The joints of the last message, of which nearly all messages have the same, and whether these are all joints.
        self._usual_names: tuple[str, ...] = ()
        self._usual_series: list[JointSeries | None] = []
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
            known = bool(self._series) and all(series.stamps for series in self._series.values())
            self._complete_ns = min(series.stamps[-1] for series in self._series.values()) if known else None
            self._complete_known = True
        return self._complete_ns

    def jumps_back(self, stamp_ns: int, names: Sequence[str]) -> bool:
        """Whether a message of these joints shows that the clock jumped back. Then call `clear` before `add`."""
        if names == self._usual_names and self.last_ns is not None and stamp_ns > self.last_ns:
            return self._jump.confirmed(stamp_ns, self.last_ns)  # false: that stamp is newer than any
        stamps = [series.stamps[-1] for name in names if (series := self._series.get(name)) and series.stamps]
        return bool(stamps) and self._jump.confirmed(stamp_ns, max(stamps))

    def clear(self) -> None:
        """Drop all states. The joint names and their order stay."""
        for series in self._series.values():
            series.stamps.clear()
            series.values.clear()
        self._publishers.clear()
        self.last_ns = None
        self._usual_names, self._usual_series = (), []
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

    def add_numbers(self, stamp_ns: int, names: tuple[str, ...], rows: Sequence[Sequence[float]]) -> bool:
        """Add one message as `add` does, faster. rows: positions, velocities and efforts, each a sequence of floats."""
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
        if names != self._usual_names:
            self._usual_names, self._usual_series = names, [self._series_of(name) for name in names]
            self._usual_all = set(names) >= self._series.keys()
        unknown = (math.nan,) * len(names)
        values = zip(rows[0], rows[1] or unknown, rows[2] or unknown, strict=True)
        for series, value in zip(self._usual_series, values, strict=True):
            if series is not None:
                series.stamps.append(stamp_ns)
                series.values.append(value)
        self.last_ns = stamp_ns if self.last_ns is None else max(self.last_ns, stamp_ns)
        self._complete_ns, self._complete_known = stamp_ns, self._usual_all
        return True

    def _series_of(self, name: str) -> JointSeries | None:
        """The series of a joint, which may be new; None if the joint is not wanted."""
        return self._series.get(name) if self._fixed else self._series.setdefault(name, JointSeries())

    def _wrong_form(self, names: Sequence[str], rows: Sequence[Sequence[float]]) -> str:
        if names and names == self._usual_names and len(rows[0]) == len(rows[1]) == len(rows[2]) == len(names):
            return ""  # the names were checked before
        if names and not rows[0]:
            return NO_POSITIONS
        right_length = len(rows[0]) == len(names) and all(len(row) in (0, len(names)) for row in rows[1:])
        return "" if right_length and names and len(set(names)) == len(names) else WRONG_LENGTH

    def _wrong_stamp(self, stamp_ns: int, names: Sequence[str]) -> str:
        if self.last_ns is None or stamp_ns > self.last_ns:
            return ""
        for name in names:
            series = self._series.get(name)
            if series is not None and series.stamps and series.stamps[-1] >= stamp_ns:
                return NO_STAMP if stamp_ns == 0 else WENT_BACKWARD
        return ""

    def at(self, stamp_ns: int, max_bracket_ns: int) -> JointState | str:
        """The interpolated state at a stamp.

        Args:
            stamp_ns: the stamp, ns.
            max_bracket_ns: the largest allowed bracket (see JointState), ns.

        Returns:
            The state, or the reason why there is none (one of the constants of this module).
        """
        columns: list[tuple[float, float, float]] = []
        widest = heard = 0
        for series in self._series.values():
            found = series.at(stamp_ns)
            if found is None:
                if not series.stamps or series.stamps[0] > stamp_ns:
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
        return any(series.stamps and series.stamps[0] <= stamp_ns for series in self._series.values())

    def forget_before(self, stamp_ns: int) -> None:
        """Drop states that no stamp from `stamp_ns` on needs."""
        for series in self._series.values():
            series.forget_before(stamp_ns)


def _finite_joints(names: Sequence[str], rows: Sequence[Sequence[float]]) -> tuple[tuple[str, ...], list[list[float]]]:
    """The joints whose position is finite, with their values."""
    kept = [index for index, position in enumerate(rows[0]) if math.isfinite(position)]
    return tuple(names[index] for index in kept), [[row[index] for index in kept] if row else [] for row in rows]
