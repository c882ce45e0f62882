"""Reads the records of an MCAP file. Each length is checked against the size of the file before anything is read."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from aassl_ros.data.bags.damage import MAX_CHUNK_BYTES, DamagedError
from aassl_ros.data.bags.decompression import decompress
from aassl_ros.data.bags.stored import StoredTopic, normal_type

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = 1, 2, 3, 4, 5, 6, 7, 8
ATTACHMENT, ATTACHMENT_INDEX, STATISTICS, METADATA, METADATA_INDEX, SUMMARY_OFFSET, DATA_END = 9, 10, 11, 12, 13, 14, 15
RECORD = struct.Struct("<BQ")
MESSAGE_HEAD = struct.Struct("<HIQQ")
_OFFSET = struct.Struct("<HQ")
_CHUNK_TIMES = struct.Struct("<QQQI")
_CHUNK_HEAD_BYTES = RECORD.size + 128
# Limit for schemas and similar records; messages and chunks may be longer.
_MAX_RECORD_BYTES = 32 << 20


class Place(NamedTuple):
    """The place of a record: its offset, and the offset and length of its content."""

    opcode: int
    offset: int
    start: int
    length: int

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return self.start + self.length


@dataclass(frozen=True)
class Chunk:
    """A run of messages. channels: ids that occur in it, two bytes each; None if unknown. size: uncompressed."""

    offset: int
    start_ns: int
    end_ns: int
    size: int
    crc: int
    compression: str
    packed_offset: int
    packed_bytes: int


class McapStream:
    """Reads bytes of a file, with limits."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path, self._stream = path, stream
        self.size = stream.seek(0, 2)

    def check(self, offset: int, length: int, limit: int = _MAX_RECORD_BYTES) -> None:
        """Raise DamagedError if the file has fewer than `length` bytes at `offset`, or `length` exceeds `limit`."""
        if length > limit:
            raise DamagedError(self.path, f"{length} bytes are claimed, expected at most {limit}", offset)
        if offset + length > self.size:
            raise DamagedError(self.path, f"{length} bytes are claimed, {max(0, self.size - offset)} are left", offset)

    def read(self, offset: int, length: int, limit: int = _MAX_RECORD_BYTES) -> bytes:
        """Read `length` bytes at `offset`. Raises DamagedError as `check` does."""
        self.check(offset, length, limit)
        data = os.pread(self._stream.fileno(), length, offset)
        if len(data) != length:
            raise DamagedError(self.path, "the file became shorter while it was read", offset)
        return data

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill a buffer with the bytes at `offset`. Raises DamagedError if the file has fewer."""
        if os.preadv(self._stream.fileno(), [buffer], offset) != len(buffer):
            raise DamagedError(self.path, "the file became shorter while it was read", offset)

    def records(self, begin: int, end: int) -> Iterator[Place]:
        """Yield the places of the records between two offsets. Only the heads of the records are read."""
        while begin < end:
            opcode, length = RECORD.unpack(self.read(begin, RECORD.size))
            place = Place(opcode, begin, begin + RECORD.size, length)
            if place.end > end:
                raise DamagedError(
                    self.path, f"a record of {length} bytes begins, {end - place.start} are left of its part", begin
                )
            yield place
            begin = place.end

    def fields(self, place: Place) -> Fields:
        """Read the content of a record, for reading its fields."""
        return Fields(self.path, self.read(place.start, place.length), place.start)

    def chunk(self, offset: int) -> Chunk:
        """Read the head of the chunk at `offset`, without its messages."""
        # Only up to the name of its compression, which is short.
        data = self.read(offset, min(_CHUNK_HEAD_BYTES, max(RECORD.size, self.size - offset)))
        opcode, length = RECORD.unpack_from(data)
        start = offset + RECORD.size
        if opcode != CHUNK:
            raise DamagedError(self.path, f"a record of kind {opcode} is there, expected a chunk", offset)
        head = Fields(self.path, data[RECORD.size : RECORD.size + length], start)
        start_ns, end_ns, size, crc = _CHUNK_TIMES.unpack(head.block(_CHUNK_TIMES.size))
        compression, packed_bytes = head.text(), head.u64()
        if head.place + packed_bytes > start + length:
            raise DamagedError(self.path, f"a chunk claims {packed_bytes} bytes, its record has {length}", offset)
        if packed_bytes > MAX_CHUNK_BYTES or size > MAX_CHUNK_BYTES:
            raise DamagedError(
                self.path, f"a chunk claims {max(size, packed_bytes)} bytes, at most {MAX_CHUNK_BYTES} are read", offset
            )
        return Chunk(offset, start_ns, end_ns, size, crc, compression, head.place, packed_bytes)

    def chunk_data(self, chunk: Chunk, *, verify: bool) -> bytes:
        """Read and decompress the records of a chunk. verify: compare its checksum, if it has one."""
        data = self.read(chunk.packed_offset, chunk.packed_bytes, MAX_CHUNK_BYTES)
        if chunk.compression:
            try:
                data = decompress(chunk.compression, data, chunk.size)
            except ValueError as error:
                raise DamagedError(self.path, f"a chunk cannot be read: {error}", chunk.offset) from error
        if len(data) != chunk.size:
            raise DamagedError(self.path, f"a chunk has {len(data)} bytes, expected {chunk.size}", chunk.offset)
        if verify and chunk.crc and zlib.crc32(data) != chunk.crc:
            raise DamagedError(self.path, "a chunk has another checksum than it says", chunk.offset)
        return data

    def inside(self, data: bytes, offset: int) -> Iterator[tuple[int, int, int, int]]:
        """The records in the data of a chunk that begins at `offset`, as Place; they count from the data's begin.

        Plain tuples: there may be a million of them, and making a Place takes longer than all the rest.
        """
        place, end = 0, len(data)
        while place < end:
            if place + RECORD.size > end:
                raise DamagedError(self.path, "the chunk or index there ends within a record", offset)
            opcode, length = RECORD.unpack_from(data, place)
            start = place + RECORD.size
            if start + length > end or (opcode == MESSAGE and length < MESSAGE_HEAD.size):
                raise DamagedError(
                    self.path, f"the chunk or index there claims a record of {length} bytes, more than it has", offset
                )
            yield opcode, place, start, length
            place = start + length


class Fields:
    """Reads the content of a record, field by field. Raises DamagedError if it is too short."""

    def __init__(self, path: Path, data: bytes, offset: int) -> None:
        self._path, self._data, self._offset, self._at = path, data, offset, 0

    @property
    def place(self) -> int:
        """The offset of the next field in the file."""
        return self._offset + self._at

    @property
    def left(self) -> int:
        """The number of bytes that are not read yet."""
        return len(self._data) - self._at

    def block(self, length: int) -> bytes:
        """Read this many bytes."""
        if length > self.left:
            raise DamagedError(self._path, f"a field of {length} bytes is claimed, {self.left} are left", self.place)
        self._at += length
        return self._data[self._at - length : self._at]

    def u16(self) -> int:
        """Read an unsigned integer of two bytes."""
        return int.from_bytes(self.block(2), "little")

    def u32(self) -> int:
        """Read an unsigned integer of four bytes."""
        return int.from_bytes(self.block(4), "little")

    def u64(self) -> int:
        """Read an unsigned integer of eight bytes."""
        return int.from_bytes(self.block(8), "little")

    def text(self) -> str:
        """Read a text, which follows its length. Bytes that are not UTF-8 become replacement characters."""
        return self.block(self.u32()).decode(errors="replace")

    def channels(self) -> list[int]:
        """Read the keys of a map from channels to offsets, which follows its length."""
        entries = self.block(self.u32())
        return [number for number, _ in _OFFSET.iter_unpack(entries[: len(entries) // _OFFSET.size * _OFFSET.size])]

    def pairs(self) -> dict[str, str]:
        """Read a map of texts, which follows its length."""
        inside = Fields(self._path, self.block(self.u32()), self.place)
        found = {}
        while inside.left:
            key = inside.text()
            found[key] = inside.text()
        return found


@dataclass(frozen=True)
class Schema:
    """The definition of a message type in the file."""

    name: str
    encoding: str
    data: bytes


class Directory:
    """Collects the schemas and channels of a file: channel id -> topic."""

    def __init__(self) -> None:
        self.topics: dict[int, StoredTopic] = {}
        self._schemas: dict[int, Schema] = {}

    def take(self, opcode: int, fields: Fields) -> None:
        """Add a Schema or Channel record. Other records are ignored."""
        if opcode == SCHEMA:
            number = fields.u16()
            name, encoding = fields.text(), fields.text()
            self._schemas[number] = Schema(name, encoding, fields.block(fields.u32()))
        elif opcode == CHANNEL:
            number, schema_id = fields.u16(), fields.u16()
            name, encoding, about = fields.text(), fields.text(), fields.pairs()
            schema = self._schemas.get(schema_id, Schema("", "", b""))
            self.topics[number] = StoredTopic(
                name,
                normal_type(schema.name),
                encoding,
                schema.data,
                schema.encoding,
                about.get("offered_qos_profiles", ""),
                about.get("topic_type_hash", ""),
            )
