"""Harm done to the bytes of a file, for property tests: bits flipped, parts cut, gigantic numbers, and the like."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

# Kind, place as a part of the file, strength.
Harm = tuple[str, float, int]
KINDS = ("flip", "cut", "zero", "ones", "huge32", "huge64", "repeat", "drop", "letters")
HARM = st.tuples(st.sampled_from(KINDS), st.floats(0, 1), st.integers(0, 255))


def harmed(data: bytes, harm: Harm) -> bytes:
    """The bytes after one harm."""
    kind, part, strength = harm
    place = int(part * max(0, len(data) - 1))
    length = 1 + strength * 8
    before, middle, after = data[:place], data[place : place + length], data[place + length :]
    if kind == "cut":
        return before
    if kind == "flip":
        return before + bytes([middle[0] ^ (1 << strength % 8)]) + middle[1:] + after if middle else data
    if kind in ("huge32", "huge64"):
        value = (1 << 31) + strength if kind == "huge32" else (1 << 63) + strength
        packed = struct.pack("<I" if kind == "huge32" else "<Q", value)
        return before + packed + data[place + len(packed) :]
    if kind == "repeat":
        return before + middle * 50 + after
    filler = {"zero": b"\0", "ones": b"\xff", "letters": b"a: [", "drop": b""}[kind]
    return before + (filler * len(middle))[: len(middle)] + after
