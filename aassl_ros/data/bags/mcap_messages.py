"""Messages of an MCAP file in order of receipt, undecoded and with their source time.

The mcap library finds the chunks; the messages in them are cut out here, faster than by its record classes.
"""

from __future__ import annotations

import heapq
import importlib
import os
import struct
import zlib
from collections.abc import Collection, Iterator
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from mcap.reader import make_reader
from mcap.records import ChunkIndex

from aassl_ros.errors import BagError

# log_ns, publish_ns, topic, data
McapMessage = tuple[int, int, str, bytes]

_RECORD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_CHUNK = struct.Struct("<QQQII")
_MESSAGE_OPCODE = 5


def mcap_messages(path: Path, topics: Collection[str], *, verify: bool = False) -> Iterator[McapMessage]:
    """Each message of these topics, in order of receipt. verify: compare checksums as well.

    Raises BagError where the file has no index (use recover) or a chunk is damaged.
    """
    with path.open("rb") as stream:
        summary = make_reader(stream).get_summary()
        if summary is None or (summary.statistics and summary.statistics.message_count and not summary.chunk_indexes):
            raise BagError(f"{path} has no index: it was not closed. Try: aassl bag recover {path.parent}")
        wanted = {number: channel.topic for number, channel in summary.channels.items() if channel.topic in topics}
        chunks = [
            _chunk_messages(stream, chunk, wanted, verify)
            for chunk in summary.chunk_indexes
            if not chunk.message_index_offsets or any(number in wanted for number in chunk.message_index_offsets)
        ]
        for log_ns, publish_ns, topic, data in heapq.merge(*chunks, key=itemgetter(0)):
            if topic:
                yield log_ns, publish_ns, topic, data


def _chunk_messages(
    stream: IO[bytes], chunk: ChunkIndex, wanted: dict[int, str], verify: bool
) -> Iterator[McapMessage]:
    # A mark of the chunk's first time, so that merging opens no chunk before its turn.
    yield chunk.message_start_time, 0, "", b""
    data = _chunk_data(stream, chunk, verify)
    found: list[McapMessage] = []
    place = 0
    while place < len(data):
        opcode, length = _RECORD.unpack_from(data, place)
        place += _RECORD.size
        if opcode == _MESSAGE_OPCODE:
            number, _, log_ns, publish_ns = _MESSAGE.unpack_from(data, place)
            if number in wanted:
                found.append((log_ns, publish_ns, wanted[number], data[place + _MESSAGE.size : place + length]))
        place += length
    found.sort(key=itemgetter(0))
    yield from found


def _chunk_data(stream: IO[bytes], chunk: ChunkIndex, verify: bool) -> bytes:
    stream.seek(chunk.chunk_start_offset + _RECORD.size)
    _, _, _, checksum, _ = _CHUNK.unpack(stream.read(_CHUNK.size))
    stream.seek(len(chunk.compression) + 8, os.SEEK_CUR)
    packed = stream.read(chunk.compressed_size)
    data = packed if not chunk.compression else _decompress(chunk.compression, packed, chunk.uncompressed_size)
    if len(data) != chunk.uncompressed_size:
        raise BagError(f"A chunk has {len(data)} bytes, expected {chunk.uncompressed_size}: the file was cut short.")
    if verify and checksum and zlib.crc32(data) != checksum:
        raise BagError(f"The chunk at byte {chunk.chunk_start_offset} is damaged: its checksum is another.")
    return data


def _decompress(kind: str, packed: bytes, size: int) -> bytes:
    if kind == "lz4":
        return bytes(importlib.import_module("lz4.frame").decompress(packed))
    if kind == "zstd":
        return bytes(_zstd().decompress(packed))
    raise BagError(f"A chunk is compressed by {kind!r}, expected lz4, zstd or nothing.")


def _zstd() -> Any:
    """The zstd module that rosbags uses: Python's own from 3.14 on."""
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return importlib.import_module("backports.zstd")
