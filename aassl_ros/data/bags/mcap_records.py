"""The records of an MCAP file, each length held against what the file can hold before anything is read."""

from __future__ import annotations

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
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x02, 0x03, 0x04, 0x05, 0x06
CHUNK_INDEX, STATISTICS, METADATA, METADATA_INDEX, DATA_END = 0x08, 0x0B, 0x0C, 0x0D, 0x0F
RECORD = struct.Struct("<BQ")
MESSAGE_HEAD = struct.Struct("<HIQQ")
# Schemas and the like; a message or chunk may be longer.
_MAX_RECORD_BYTES = 32 << 20


class Place(NamedTuple):
    """One record: where it begins, and where its content lies."""

    opcode: int
    offset: int
    start: int
    length: int

    @property
    def end(self) -> int:
        """Where the next record begins."""
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
    """A file's bytes within bounds."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path, self._stream = path, stream
        self.size = stream.seek(0, 2)

    def read(self, offset: int, length: int, limit: int = _MAX_RECORD_BYTES) -> bytes:
        """That many bytes from there. Raises DamagedError if the file has fewer, or they are more than `limit`."""
        if length > limit:
            raise DamagedError(self.path, f"{length} bytes are claimed, expected at most {limit}", offset)
        if offset + length > self.size:
            raise DamagedError(self.path, f"{length} bytes are claimed, {max(0, self.size - offset)} are left", offset)
        self._stream.seek(offset)
        data = self._stream.read(length)
        if len(data) != length:
            raise DamagedError(self.path, "the file became shorter while it was read", offset)
        return data

    def records(self, begin: int, end: int) -> Iterator[Place]:
        """The places of the records between two offsets; nothing but their heads is read."""
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
        """The content of a record, to be taken apart."""
        return Fields(self.path, self.read(place.start, place.length), place.start)

    def chunk(self, offset: int) -> Chunk:
        """The chunk that begins there, its messages unread."""
        opcode, length = RECORD.unpack(self.read(offset, RECORD.size))
        start = offset + RECORD.size
        if opcode != CHUNK:
            raise DamagedError(self.path, f"a record of kind {opcode} is there, expected a chunk", offset)
        # As far as the name of its compression, which is short.
        head = Fields(self.path, self.read(start, min(length, 128)), start)
        start_ns, end_ns, size = head.u64(), head.u64(), head.u64()
        crc, compression, packed_bytes = head.u32(), head.text(), head.u64()
        if head.place + packed_bytes > start + length:
            raise DamagedError(self.path, f"a chunk claims {packed_bytes} bytes, its record has {length}", offset)
        if packed_bytes > MAX_CHUNK_BYTES or size > MAX_CHUNK_BYTES:
            raise DamagedError(
                self.path, f"a chunk claims {max(size, packed_bytes)} bytes, at most {MAX_CHUNK_BYTES} are read", offset
            )
        return Chunk(offset, start_ns, end_ns, size, crc, compression, head.place, packed_bytes)

    def chunk_data(self, chunk: Chunk, *, verify: bool) -> bytes:
        """The records of a chunk, decompressed. verify: compare its checksum, if it has one."""
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
                raise DamagedError(self.path, "the chunk there ends within a record", offset)
            opcode, length = RECORD.unpack_from(data, place)
            start = place + RECORD.size
            if start + length > end or (opcode == MESSAGE and length < MESSAGE_HEAD.size):
                raise DamagedError(
                    self.path, f"the chunk there holds a record of {length} bytes, which it cannot", offset
                )
            yield opcode, place, start, length
            place = start + length


class Fields:
    """Takes a record's content apart, field by field. Raises DamagedError if it is too short."""

    def __init__(self, path: Path, data: bytes, offset: int) -> None:
        self._path, self._data, self._offset, self._at = path, data, offset, 0

    @property
    def place(self) -> int:
        """Where in the file the next field begins."""
        return self._offset + self._at

    @property
    def left(self) -> int:
        """Bytes that are not taken yet."""
        return len(self._data) - self._at

    def block(self, length: int) -> bytes:
        """So many bytes."""
        if length > self.left:
            raise DamagedError(self._path, f"a field of {length} bytes is claimed, {self.left} are left", self.place)
        self._at += length
        return self._data[self._at - length : self._at]

    def u16(self) -> int:
        """A number of two bytes."""
        return int.from_bytes(self.block(2), "little")

    def u32(self) -> int:
        """A number of four bytes."""
        return int.from_bytes(self.block(4), "little")

    def u64(self) -> int:
        """A number of eight bytes."""
        return int.from_bytes(self.block(8), "little")

    def text(self) -> str:
        """A text after its length; bytes that are not UTF-8 become question marks."""
        return self.block(self.u32()).decode(errors="replace")

    def pairs(self) -> dict[str, str]:
        """A map of texts after its length."""
        inside = Fields(self._path, self.block(self.u32()), self.place)
        found = {}
        while inside.left:
            key = inside.text()
            found[key] = inside.text()
        return found


@dataclass(frozen=True)
class Schema:
    """A message type as the file defines it."""

    name: str
    encoding: str
    data: bytes


class Directory:
    """Schemas and channels of a file, as they are met: channel's id -> topic."""

    def __init__(self) -> None:
        self.topics: dict[int, StoredTopic] = {}
        self._schemas: dict[int, Schema] = {}

    def take(self, opcode: int, fields: Fields) -> None:
        """Take a Schema or Channel record; others are passed over."""
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
