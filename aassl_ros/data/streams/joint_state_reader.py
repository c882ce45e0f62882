"""Decodes JointState messages one by one, quickly if only stamps and numbers differ from those of a message before."""

from __future__ import annotations

import struct
from typing import NamedTuple

from aassl_ros.data.streams import messages
from aassl_ros.data.streams.joint_block import HEAD, LITTLE_ENDIAN, JointLayout

# A driver has one or a few lengths of messages. Those of a broken one are not all remembered.
_MOST_FORMS = 64
_STAMP_AT = 4


class JointNumbers(NamedTuple):
    """A joint state of n joints. rows: positions, velocities and efforts, each n floats, or none if missing."""

    stamp_ns: int
    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


class JointStateReader:
    """Decodes messages of one topic. It remembers the form of the first message of each length."""

    def __init__(self) -> None:
        self._forms: dict[int, _Form | None] = {}

    def read(self, data: bytes) -> JointNumbers:
        """Decode a message from CDR. Raises DataError if it is not a JointState."""
        length = len(data)
        form = self._forms.get(length)
        if form is not None and (found := form.read(data)) is not None:
            return found
        message = messages.decode(messages.JOINT_STATE, data)
        names, position, velocity, effort = messages.joint_arrays(message)
        if length not in self._forms and len(self._forms) < _MOST_FORMS:
            layout = JointLayout.of(data, lambda _: message)
            self._forms[length] = None if layout is None else _Form(layout)
        rows = (tuple(position.tolist()), tuple(velocity.tolist()), tuple(effort.tolist()))
        return JointNumbers(messages.stamp_ns(message.header.stamp), names, rows)


class _Form:
    """The bytes that messages have in common, and the places of the others."""

    def __init__(self, layout: JointLayout) -> None:
        self._names = layout.names
        self._head, self._head_end = layout.head.tobytes(), HEAD + len(layout.head)
        parts, place, at = ["<iI"], HEAD, 2
        self._counts: list[tuple[int, int]] = []
        for start, (count_at, count) in zip(layout.places, layout.counts, strict=True):
            parts.append(f"{count_at - place}xI{start - count_at - 4}x{count}d")
            place = start + 8 * count
            self._counts.append((at, count))
            at += 1 + count
        self._struct = struct.Struct("".join(parts))

    def read(self, data: bytes) -> JointNumbers | None:
        """Read a message of this length. None if it has another form."""
        if data[:2] != LITTLE_ENDIAN or data[HEAD : self._head_end] != self._head:
            return None
        values = self._struct.unpack_from(data, _STAMP_AT)
        (a, n), (b, m), (c, k) = self._counts
        if (values[a], values[b], values[c]) != (n, m, k):
            return None
        rows = (values[a + 1 : b], values[b + 1 : c], values[c + 1 :])
        return JointNumbers(values[0] * messages.NANOSECONDS + values[1], self._names, rows)
