"""Decodes many JointState messages of one publisher at once, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.streams.messages import joint_arrays, stamp_ns
from aassl_ros.errors import DataError

HEAD = 12  # bytes before the frame's name: encapsulation and stamp
LITTLE_ENDIAN = b"\0\1"


@dataclass(frozen=True)
class JointBlock:
    """n joint states of the same J joints.

    stamps_ns: int64 [n]. position: float64 [n, J], rad or m. velocity, effort: float64 [n, J], or [n, 0] if missing.
    """

    names: tuple[str, ...]
    stamps_ns: NDArray[np.int64]
    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    effort: NDArray[np.float64]


class JointBlockDecoder:
    """Decodes messages that differ only in stamps and numbers, as those of one publisher do.

    Args:
        decode: decodes one message. Its result for the first message of a kind tells where the numbers are.
    """

    def __init__(self, decode: Callable[[bytes], Any]) -> None:
        self._decode = decode
        self._known: dict[int, JointLayout | None] = {}  # by the length of a message

    def decode(self, data: Sequence[bytes]) -> JointBlock | None:
        """Decode messages.

        Args:
            data: CDR of each message.

        Returns:
            The joint states; None if the messages are of different kinds, so that they must be decoded one by one.
        """
        length = len(data[0])
        if any(len(one) != length for one in data):
            return None
        if length not in self._known:
            self._known[length] = JointLayout.of(data[0], self._decode)
        kind = self._known[length]
        return None if kind is None else kind.read(data)


@dataclass(frozen=True)
class JointLayout:
    """Where names and numbers are in messages of one length.

    head: the bytes from the frame's name to the number of positions.
    places: where positions, velocities and efforts begin. counts: their numbers, and before each the place of it.
    """

    names: tuple[str, ...]
    head: NDArray[np.uint8]
    places: tuple[int, ...]
    counts: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, data: bytes, decode: Callable[[bytes], Any]) -> JointLayout | None:
        """The layout of a message; None if it is no little-endian JointState, or its numbers are not where expected."""
        if data[:2] != LITTLE_ENDIAN:
            return None
        try:
            message = decode(data)
            names, *arrays = joint_arrays(message)
        except (DataError, AttributeError):
            return None
        place = _after_text(HEAD, len(message.header.frame_id.encode()))
        place = _aligned(place, 4) + 4
        for name in names:
            place = _after_text(_aligned(place, 4), len(name.encode()))
        counts, places = [], []
        for array in arrays:
            place = _aligned(place, 4)
            counts.append((place, len(array)))
            place = place + 4 if not len(array) else _aligned(place + 4, 8)
            places.append(place)
            place += 8 * len(array)
        if place > len(data):
            return None
        kind = cls(names, np.frombuffer(data[HEAD : counts[0][0]], np.uint8), tuple(places), tuple(counts))
        found = kind.read([data])
        right = found is not None and int(found.stamps_ns[0]) == stamp_ns(message.header.stamp)
        if found is None or not right:
            return None
        read = (found.position[0], found.velocity[0], found.effort[0])
        same = (np.array_equal(one, other, equal_nan=True) for one, other in zip(read, arrays, strict=True))
        return kind if all(same) else None

    def read(self, data: Sequence[bytes]) -> JointBlock | None:
        """Read messages of this length. None if one is of another kind."""
        table = np.frombuffer(b"".join(data), np.uint8).reshape(len(data), -1)
        if not (table[:, :2] == (0, 1)).all() or not (table[:, HEAD : self.counts[0][0]] == self.head).all():
            return None
        columns = []
        for start, (count_place, count) in zip(self.places, self.counts, strict=True):
            if not (_numbers(table, count_place, 1, "<u4") == count).all():
                return None
            columns.append(_numbers(table, start, count, "<f8"))
        seconds, nanoseconds = _numbers(table, 4, 1, "<i4")[:, 0], _numbers(table, 8, 1, "<u4")[:, 0]
        stamps = seconds.astype(np.int64) * 1_000_000_000 + nanoseconds
        return JointBlock(self.names, stamps, columns[0], columns[1], columns[2])


def _numbers(table: NDArray[np.uint8], start: int, count: int, kind: str) -> NDArray[Any]:
    """`count` numbers in each row, from a byte on."""
    width = count * np.dtype(kind).itemsize
    if not count:
        return np.zeros((len(table), 0), kind)
    return np.ascontiguousarray(table[:, start : start + width]).view(kind)


def _aligned(place: int, size: int) -> int:
    """The next multiple of `size`, counted from after the encapsulation of four bytes."""
    return (place - 4 + size - 1) // size * size + 4


def _after_text(place: int, length: int) -> int:
    """The place after a text of so many bytes: its length, the bytes, and a zero."""
    return place + 4 + length + 1
