"""One checksum a frame, of its pixels and of what never changes in its row: it tells whether a saved frame is whole."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.replay.rows import CHECKED_FIELD

_SERIAL = struct.Struct("<q")


def checksum(frames: NDArray[np.uint8], rows: NDArray[np.void], slot: int, serial: int) -> int:
    """The CRC-32 of the frame in a slot, as if its row had this serial."""
    fields = rows.dtype.fields
    assert fields is not None
    row = rows[slot : slot + 1].view(np.uint8)[_SERIAL.size : fields[CHECKED_FIELD][1]]
    return zlib.crc32(frames[slot].data, zlib.crc32(row.data, zlib.crc32(_SERIAL.pack(serial))))


def whole_slots(frames: NDArray[np.uint8], rows: NDArray[np.void], last_serial: int) -> tuple[NDArray[np.int64], int]:
    """Find the frames that were saved and are whole.

    Args:
        frames: uint8 [capacity, S, S, 3].
        rows: [capacity], see rows.py.
        last_serial: of the frames that were saved; the frames after it are left out.

    Returns:
        Their slots int64 [n], rising, and the number of frames that are damaged.
    """
    serial = rows["serial"]
    saved = np.flatnonzero((serial > 0) & (serial <= last_serial))
    whole = [slot for slot in _each(saved) if checksum(frames, rows, slot, int(serial[slot])) == rows["checksum"][slot]]
    return np.array(whole, np.int64), len(saved) - len(whole)


def _each(slots: NDArray[np.int64]) -> Iterator[int]:
    yield from slots.tolist()
