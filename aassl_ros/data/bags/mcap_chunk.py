"""Collects the messages of one MCAP chunk without copying large ones, and gives the chunk with its message indexes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import lz4.frame

from aassl_ros.data.bags.decompression import zstd
from aassl_ros.data.bags.mcap_encoding import ChunkIndex, record, text
from aassl_ros.data.bags.mcap_records import CHUNK, MESSAGE, MESSAGE_HEAD, MESSAGE_INDEX, RECORD

# Smaller messages are copied together, so that a chunk has few parts: one call writes at most 1024 of them.
_COPIED_BYTES = 1 << 16
_MESSAGE = struct.Struct("<BQHIQQ")
_HEAD_BYTES = RECORD.size + MESSAGE_HEAD.size

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {"zstd": zstd().compress, "lz4": lz4.frame.compress}


class ChunkBuilder:
    """Collects records for one chunk after the other.

    Attributes:
        size: bytes of the records of the chunk so far, not compressed.
    """

    def __init__(self, compression: str, *, crc: bool) -> None:
        """compression: a key of COMPRESSORS, or empty. crc: whether chunks get a checksum."""
        self._compression, self._crc = compression, crc
        self._clear()

    def _clear(self) -> None:
        self.size = 0
        self._parts: list[bytes] = []
        self._small: list[bytes] = []
        # Of each channel: time and offset of each message, one after the other, as in its record.
        self._indexes: dict[int, list[int]] = {}

    @property
    def counts(self) -> dict[int, int]:
        """The number of messages of each channel that has any."""
        return {channel: len(entries) // 2 for channel, entries in self._indexes.items()}

    def add_record(self, data: bytes) -> None:
        """Add a Schema or Channel record."""
        self._small.append(data)
        self.size += len(data)

    def add_message(self, channel: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Add a message, which must not change until the chunk is written."""
        length = len(data)
        entries = self._indexes.get(channel)
        if entries is None:
            entries = self._indexes[channel] = []
        entries += (log_ns, self.size)
        self._small.append(_MESSAGE.pack(MESSAGE, MESSAGE_HEAD.size + length, channel, 0, log_ns, publish_ns))
        self.size += _HEAD_BYTES + length
        if length < _COPIED_BYTES:
            self._small.append(data)
        else:
            self._end_small()
            self._parts.append(data)

    def _end_small(self) -> None:
        self._parts.append(b"".join(self._small))
        self._small.clear()

    def take(self, offset: int) -> tuple[list[bytes], ChunkIndex]:
        """End the chunk, which has at least one message.

        Args:
            offset: where it will be in the file.

        Returns:
            The bytes of the chunk and of its message indexes, in parts, and the index of the chunk.
        """
        self._end_small()
        parts, size = self._parts, self.size
        checksum = 0
        if self._crc:
            for part in parts:
                checksum = zlib.crc32(part, checksum)
        if self._compression:
            parts = [COMPRESSORS[self._compression](b"".join(parts))]
        packed_bytes = sum(map(len, parts))
        start_ns = min(min(entries[::2]) for entries in self._indexes.values())
        end_ns = max(max(entries[::2]) for entries in self._indexes.values())
        head = struct.pack("<QQQI", start_ns, end_ns, size, checksum) + text(self._compression)
        head += struct.pack("<Q", packed_bytes)
        length = RECORD.size + len(head) + packed_bytes
        indexes = b""
        offsets = {}
        for channel, entries in self._indexes.items():
            offsets[channel] = offset + length + len(indexes)
            places = struct.pack(f"<{len(entries)}Q", *entries)
            indexes += record(MESSAGE_INDEX, struct.pack("<HI", channel, len(places)), places)
        about = ChunkIndex(
            start_ns, end_ns, offset, length, offsets, len(indexes), self._compression, packed_bytes, size
        )
        self._clear()
        return [RECORD.pack(CHUNK, len(head) + packed_bytes) + head, *parts, indexes], about
