"""Reads many JointState messages at once as arrays, and interpolates them at many stamps at once.

The values are those of JointStream, bit for bit; tests compare the two.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]

_BLOCK = 65_536
# Messages with other names, lengths or frames than those before: a driver has one or a few such forms.
_MOST_FORMS = 64


@dataclass(frozen=True)
class JointTable:
    """Joint states in order of receipt.

    names: of J joints. stamps_ns: int64 [N]. position: float64 [N, J], rad or m; NaN for joints that a message lacks.
    unreadable: number of messages that are not JointStates with one position for each name.
    """

    names: tuple[str, ...]
    stamps_ns: Stamps
    position: Floats
    unreadable: int = 0

    def rising(self) -> JointTable:
        """Without the rows whose stamp is not newer than every stamp before."""
        before = np.concatenate([[np.iinfo(np.int64).min], np.maximum.accumulate(self.stamps_ns)[:-1]])
        kept = self.stamps_ns > before[: len(self.stamps_ns)]
        return JointTable(self.names, self.stamps_ns[kept], self.position[kept], self.unreadable)

    def at(self, stamps_ns: Stamps) -> tuple[Floats, Stamps]:
        """Interpolate linearly. Stamps must rise; see `rising`.

        Args:
            stamps_ns: int64 [F].

        Returns:
            float64 [F, J] positions, NaN before the first and after the last state of a joint, and int64 [F] the
            widest time between the two states used, ns; -1 if a joint has none.
        """
        stamps_ns = np.asarray(stamps_ns, np.int64)
        position = np.full((len(stamps_ns), len(self.names)), np.nan)
        bracket = np.zeros(len(stamps_ns), np.int64)
        finite = np.isfinite(self.position)
        for columns in _equal_columns(finite):
            rows = finite[:, columns[0]]
            own = self.stamps_ns if rows.all() else self.stamps_ns[rows]
            values = self.position[:, columns] if rows.all() else self.position[rows][:, columns]
            found, width = _interpolate(own, values, stamps_ns)
            position[:, columns] = found
            bracket = np.where((bracket < 0) | (width < 0), -1, np.maximum(bracket, width))
        return position, bracket


def read_joint_table(cdrs: Iterable[bytes], most_rows: int = 1 << 62) -> JointTable:
    """Read JointState messages.

    Args:
        cdrs: the messages as CDR, in order of receipt.
        most_rows: later messages are not read, so that memory is bounded.

    Returns:
        The table.
    """
    messages = islice(iter(cdrs), most_rows)
    reader = _Reader()
    while block := list(islice(messages, _BLOCK)):
        reader.take(block)
    return reader.table()


class _Reader:
    def __init__(self) -> None:
        self._parts: list[tuple[tuple[str, ...], Stamps, Floats]] = []
        self._forms: list[_Form] = []
        self._unreadable = 0

    def take(self, block: Sequence[bytes]) -> None:
        lengths = np.fromiter((len(data) for data in block), np.int64, len(block))
        index: list[NDArray[np.int64]] = []
        found: list[tuple[tuple[str, ...], Stamps, Floats]] = []
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            rows = np.frombuffer(b"".join([block[place] for place in places.tolist()]), np.uint8).reshape(
                len(places), length
            )
            while len(places):
                form = self._form_of(rows)
                if form is None:
                    self._unreadable += 1
                    places, rows = places[1:], rows[1:]
                    continue
                same = (rows[:, form.fixed] == form.content).all(axis=1)
                index.append(places[same])
                found.append((form.names, *form.values(rows[same])))
                places, rows = places[~same], rows[~same]
        if len(found) == 1:
            self._parts.append(found[0])
            return
        # Of several forms, the order of receipt is restored in one table of all their joints.
        names = tuple(dict.fromkeys(name for part in found for name in part[0]))
        order = np.argsort(np.concatenate(index), kind="stable") if index else np.zeros(0, np.int64)
        stamps, position = _joined(found, names)
        self._parts.append((names, stamps[order], position[order]))

    def _form_of(self, rows: NDArray[np.uint8]) -> _Form | None:
        first = rows[0]
        for form in self._forms:
            if form.length == len(first) and np.array_equal(first[form.fixed], form.content):
                return form
        try:
            form = _Form.parse(first.tobytes())
        except (struct.error, ValueError, UnicodeDecodeError):
            return None
        self._forms = [form, *self._forms][:_MOST_FORMS]
        return form

    def table(self) -> JointTable:
        names = tuple(dict.fromkeys(name for part in self._parts for name in part[0]))
        return JointTable(names, *_joined(self._parts, names), self._unreadable)


@dataclass(frozen=True)
class _Form:
    """Where the values of messages of one form are. fixed: the places of all that is the same in each of them."""

    names: tuple[str, ...]
    length: int
    order: str
    positions: int
    fixed: NDArray[np.int64]
    content: NDArray[np.uint8]

    @classmethod
    def parse(cls, cdr: bytes) -> _Form:
        order = "<" if cdr[1] & 1 else ">"
        fixed: list[int] = [1]
        place = _string(cdr, 12, order, fixed)[1]
        count, place = _count(cdr, place, order, fixed)
        names = []
        for _ in range(count):
            name, place = _string(cdr, _aligned(place, 4), order, fixed)
            names.append(name)
        positions = 0
        for wanted in ((count,), (0, count), (0, count)):
            held, place = _count(cdr, _aligned(place, 4), order, fixed)
            if held not in wanted:
                raise ValueError("another number of values than names")
            start = _aligned(place, 8) if held else place
            positions = positions or start
            place = start + 8 * held
        if not names or len(set(names)) < len(names) or place > len(cdr):
            raise ValueError("no names, the same name twice, or too short")
        places = np.array(fixed, np.int64)
        return cls(tuple(names), len(cdr), order, positions, places, np.frombuffer(cdr, np.uint8)[places])

    def values(self, rows: NDArray[np.uint8]) -> tuple[Stamps, Floats]:
        """Stamps int64 [n] and positions float64 [n, J] of the messages, uint8 [n, length]."""
        seconds = np.ascontiguousarray(rows[:, 4:8]).view(f"{self.order}i4")[:, 0].astype(np.int64)
        nanoseconds = np.ascontiguousarray(rows[:, 8:12]).view(f"{self.order}u4")[:, 0].astype(np.int64)
        end = self.positions + 8 * len(self.names)
        position = np.ascontiguousarray(rows[:, self.positions : end]).view(f"{self.order}f8").astype(np.float64)
        return seconds * 1_000_000_000 + nanoseconds, position


def _count(cdr: bytes, place: int, order: str, fixed: list[int]) -> tuple[int, int]:
    place = _aligned(place, 4)
    (count,) = struct.unpack_from(order + "I", cdr, place)
    if count > len(cdr):
        raise ValueError("a sequence is longer than the message")
    fixed += range(place, place + 4)
    return count, place + 4


def _string(cdr: bytes, place: int, order: str, fixed: list[int]) -> tuple[str, int]:
    length, start = _count(cdr, place, order, fixed)
    if start + length > len(cdr):
        raise ValueError("a string is longer than the message")
    fixed += range(start, start + length)
    return cdr[start : start + length].rstrip(b"\0").decode(), start + length


def _aligned(place: int, size: int) -> int:
    """The next multiple of size; offsets count from byte 4."""
    return (place - 4 + size - 1) // size * size + 4


def _joined(parts: Sequence[tuple[tuple[str, ...], Stamps, Floats]], names: tuple[str, ...]) -> tuple[Stamps, Floats]:
    if not parts:
        return np.zeros(0, np.int64), np.zeros((0, len(names)))
    if all(part[0] == names for part in parts):
        return np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])
    position = np.full((sum(len(part[1]) for part in parts), len(names)), np.nan)
    row = 0
    for own, stamps, values in parts:
        position[row : row + len(stamps), [names.index(name) for name in own]] = values
        row += len(stamps)
    return np.concatenate([part[1] for part in parts]), position


def _equal_columns(finite: NDArray[np.bool_]) -> list[list[int]]:
    """The columns that are known in the same rows, together."""
    groups: list[list[int]] = []
    for column in range(finite.shape[1]):
        for group in groups:
            if np.array_equal(finite[:, group[0]], finite[:, column]):
                group.append(column)
                break
        else:
            groups.append([column])
    return groups


def _interpolate(own: Stamps, values: Floats, stamps: Stamps) -> tuple[Floats, Stamps]:
    found = np.full((len(stamps), values.shape[1]), np.nan)
    width = np.full(len(stamps), -1, np.int64)
    if not len(own):
        return found, width
    after = np.searchsorted(own, stamps)
    inside = after < len(own)
    exact = inside & (own[np.minimum(after, len(own) - 1)] == stamps)
    found[exact], width[exact] = values[after[exact]], 0
    between = inside & ~exact & (after > 0)
    b = after[between]
    width[between] = own[b] - own[b - 1]
    share = (stamps[between] - own[b - 1]) / width[between]
    found[between] = values[b - 1] + share[:, None] * (values[b] - values[b - 1])
    return found, width
