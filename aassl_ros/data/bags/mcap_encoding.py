"""Encodes the records of an MCAP file (https://mcap.dev/spec), except messages and chunks: those are in mcap_chunk."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aassl_ros.data.bags.mcap_records import (
    ATTACHMENT,
    ATTACHMENT_INDEX,
    CHANNEL,
    CHUNK_INDEX,
    DATA_END,
    FOOTER,
    HEADER,
    MAGIC,
    METADATA,
    METADATA_INDEX,
    RECORD,
    SCHEMA,
    STATISTICS,
    SUMMARY_OFFSET,
)

_FOOTER = struct.Struct("<BQQQ")


@dataclass(frozen=True)
class ChunkIndex:
    """Where a chunk and its message indexes are, and which times it covers. offsets: of the index of each channel."""

    start_ns: int
    end_ns: int
    offset: int
    length: int
    offsets: dict[int, int]
    indexes_length: int
    compression: str
    packed_bytes: int
    size: int

    def record(self) -> bytes:
        """The Chunk Index record."""
        entries = b"".join(struct.pack("<HQ", *entry) for entry in self.offsets.items())
        return record(
            CHUNK_INDEX,
            struct.pack("<QQQQI", self.start_ns, self.end_ns, self.offset, self.length, len(entries)),
            entries,
            struct.pack("<Q", self.indexes_length),
            text(self.compression),
            struct.pack("<QQ", self.packed_bytes, self.size),
        )


def record(opcode: int, *fields: bytes) -> bytes:
    """A record of these encoded fields."""
    content = b"".join(fields)
    return RECORD.pack(opcode, len(content)) + content


def text(value: str) -> bytes:
    """A text after its length."""
    return sized(value.encode())


def sized(data: bytes) -> bytes:
    """Bytes after their length, in four bytes."""
    return struct.pack("<I", len(data)) + data


def texts(values: Mapping[str, str]) -> bytes:
    """A map of texts."""
    return sized(b"".join(text(key) + text(value) for key, value in values.items()))


def begin(profile: str, library: str) -> bytes:
    """The begin of a file: the magic bytes and the Header record."""
    return MAGIC + record(HEADER, text(profile), text(library))


def schema(number: int, name: str, encoding: str, data: bytes) -> bytes:
    """A Schema record. number: from 1."""
    return record(SCHEMA, struct.pack("<H", number), text(name), text(encoding), sized(data))


def channel(number: int, schema_number: int, topic: str, encoding: str, about: Mapping[str, str]) -> bytes:
    """A Channel record. number: from 1."""
    return record(CHANNEL, struct.pack("<HH", number, schema_number), text(topic), text(encoding), texts(about))


def attachment(create_ns: int, log_ns: int, name: str, media_type: str, data: bytes) -> bytes:
    """An Attachment record, with its checksum."""
    head = struct.pack("<QQ", log_ns, create_ns) + text(name) + text(media_type) + struct.pack("<Q", len(data))
    return record(ATTACHMENT, head, data, struct.pack("<I", zlib.crc32(data, zlib.crc32(head))))


def attachment_index(
    offset: int, length: int, create_ns: int, log_ns: int, name: str, media_type: str, data: bytes
) -> bytes:
    """An Attachment Index record. offset, length: of the Attachment record."""
    numbers = struct.pack("<QQQQQ", offset, length, log_ns, create_ns, len(data))
    return record(ATTACHMENT_INDEX, numbers, text(name), text(media_type))


def metadata(name: str, content: Mapping[str, str]) -> bytes:
    """A Metadata record."""
    return record(METADATA, text(name), texts(content))


def metadata_index(offset: int, length: int, name: str) -> bytes:
    """A Metadata Index record. offset, length: of the Metadata record."""
    return record(METADATA_INDEX, struct.pack("<QQ", offset, length), text(name))


def statistics(
    schemas: int, attachments: int, named_texts: int, chunks: int, times_ns: tuple[int, int], counts: Mapping[int, int]
) -> bytes:
    """A Statistics record.

    Args:
        schemas, attachments, named_texts, chunks: the number of Schema, Attachment, Metadata and Chunk records.
        times_ns: of the first and of the last message, ns.
        counts: the number of messages of each channel.
    """
    numbers = (sum(counts.values()), schemas, len(counts), attachments, named_texts, chunks, *times_ns)
    entries = b"".join(struct.pack("<HQ", *entry) for entry in counts.items() if entry[1])
    return record(STATISTICS, struct.pack("<QHIIIIQQ", *numbers), sized(entries))


def end(offset: int, groups: Sequence[Sequence[bytes]], *, crc: bool) -> bytes:
    """The end of a file: Data End, the summary, its offsets, the Footer and the magic bytes.

    Args:
        offset: of the Data End record.
        groups: the records of the summary; those of one kind together.
        crc: whether to write the checksum of the summary.
    """
    data_end = record(DATA_END, struct.pack("<I", 0))
    summary_start = place = offset + len(data_end)
    offsets = b""
    for group in filter(None, groups):
        length = sum(map(len, group))
        offsets += record(SUMMARY_OFFSET, struct.pack("<BQQ", group[0][0], place, length))
        place += length
    summary = b"".join(one for group in groups for one in group) + offsets
    footer = _FOOTER.pack(FOOTER, 20, summary_start, place)
    checksum = zlib.crc32(footer, zlib.crc32(summary)) if crc else 0
    return data_end + summary + footer + struct.pack("<I", checksum) + MAGIC
