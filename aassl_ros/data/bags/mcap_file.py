"""Reads an MCAP file: its topics, and its messages in order of receipt, not decoded, with their time of publication.

The index at the end of the file is used if it exists. A file without chunks or index, which the format allows, is read
once completely instead. A file without an end record was not closed.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from aassl_ros.data.bags import mcap_records
from aassl_ros.data.bags.damage import MAX_OPEN_BYTES, DamagedError, UnclosedError
from aassl_ros.data.bags.mcap_messages import messages_of_data, messages_of_file
from aassl_ros.data.bags.mcap_records import MAGIC, MESSAGE_HEAD, Chunk, Directory, Fields, McapStream, Place
from aassl_ros.data.bags.stored import Part, StoredMessage, StoredTopic, in_order

# RECORD, then summary start, summary offset start and checksum, then the magic.
_FOOTER_BYTES = 9 + 20
_MAX_SUMMARY_BYTES = 128 << 20
# Three days of a chunk every half second.
_MAX_CHUNKS = 500_000
# Messages outside chunks are read in groups of about this size.
_RUN_BYTES = 4 << 20


class McapFile:
    """An MCAP file that is open for reading; see stored.StorageFile. Raises UnclosedError or DamagedError.

    shown: the name of the file in errors, if it is a decompressed copy.
    """

    storage = "mcap"

    def __init__(self, path: Path, shown: Path | None = None) -> None:
        self.path = shown or path
        self.metadata_text = ""
        self._stream = path.open("rb")
        try:
            self._file = McapStream(self.path, self._stream)
            self._directory = Directory()
            # Start and end time and offset of each chunk; start time, offset and end of each group of other messages.
            self._chunks: list[tuple[int, int, int]] = []
            self._runs: list[tuple[int, int, int]] = []
            # Offset of a chunk -> the channels in it; without those of which the index does not say it for certain.
            self._channels: dict[int, frozenset[int]] = {}
            self._counts: Counter[int] = Counter()
            self.start_ns, self.end_ns, self.message_count = 0, 0, 0
            self._open()
        except BaseException:
            self._stream.close()
            raise
        self.topics: tuple[StoredTopic, ...] = tuple(
            replace(topic, message_count=self._counts[number]) for number, topic in self._directory.topics.items()
        )
        self._open_bytes = 0

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def messages(self, names: Collection[str], *, verify: bool = False) -> Iterator[StoredMessage]:
        """Yield the messages of these topics in order of receipt. verify: also compare checksums."""
        wanted = {number: topic for number, topic in self._directory.topics.items() if topic.name in names}
        self._open_bytes = 0
        # In the order of the file, which is the order of messages of the same time.
        placed = [
            (offset, Part(start, partial(self._chunk_messages, offset, wanted, verify)))
            for start, _, offset in self._chunks
            if verify or not self._channels.get(offset, wanted.keys()).isdisjoint(wanted)
        ]
        placed += [
            (begin, Part(start, partial(messages_of_file, self._file, begin, end - begin, begin, wanted)))
            for start, begin, end in self._runs
        ]
        parts = [part for _, part in sorted(placed, key=lambda one: one[0])]
        return in_order(parts)

    def _open(self) -> None:
        size = self._file.size
        if size < len(MAGIC) or self._file.read(0, len(MAGIC)) != MAGIC:
            what = "the file is empty" if size == 0 else "it does not begin as an MCAP file does"
            raise DamagedError(self.path, what, 0, recoverable=False)
        end = size - len(MAGIC)
        footer_offset = end - _FOOTER_BYTES
        if footer_offset < len(MAGIC) or self._file.read(end, len(MAGIC)) != MAGIC:
            raise UnclosedError(self.path, "the end of the file with its index is missing")
        footer = next(self._file.records(footer_offset, end))
        if footer.opcode != mcap_records.FOOTER:
            raise UnclosedError(self.path, "the end of the file with its index is missing")
        fields = self._file.fields(footer)
        summary_start, _, checksum = fields.u64(), fields.u64(), fields.u32()
        if not (summary_start and self._read_summary(summary_start, footer_offset, checksum)):
            self._directory, self._channels = Directory(), {}
            self._scan(footer_offset)

    def _read_summary(self, begin: int, end: int, checksum: int) -> bool:
        """Read topics and chunks from the index. Returns whether the index is complete."""
        if not len(MAGIC) <= begin <= end or end - begin > _MAX_SUMMARY_BYTES:
            raise DamagedError(self.path, f"its index is said to begin at byte {begin}, which it cannot", end)
        counted = False
        # Read at once: a long recording has very many records here.
        data = self._file.read(begin, end - begin, _MAX_SUMMARY_BYTES)
        # The checksum is also of the footer before itself. 0 means that there is none.
        footer = self._file.read(end, _FOOTER_BYTES - 4)
        certain = bool(checksum) and zlib.crc32(footer, zlib.crc32(data)) == checksum
        for opcode, place, start, length in self._file.inside(data, begin):
            fields = Fields(self.path, data[start : start + length], begin + start)
            if opcode == mcap_records.CHUNK_INDEX:
                chunk = self._chunk_index(fields, begin + place)
                self._keep_chunk(chunk)
                channels = frozenset(fields.channels()) if certain else ()
                if channels:
                    self._channels[chunk[2]] = channels
            elif opcode == mcap_records.STATISTICS:
                self._take_statistics(fields)
                counted = True
            elif opcode == mcap_records.METADATA_INDEX:
                self._take_metadata(fields)
            elif opcode in (mcap_records.SCHEMA, mcap_records.CHANNEL):
                self._directory.take(opcode, fields)
        offsets = sorted(offset for _, _, offset in self._chunks)
        if twice := next((one for one, other in pairwise(offsets) if one == other), None):
            raise DamagedError(self.path, f"its index names the chunk at byte {twice} more than once", begin)
        complete = counted and (bool(self._chunks) or self.message_count == 0)
        if complete and all(number in self._directory.topics for number in self._counts):
            return True
        self._chunks, self._counts = [], Counter()
        self.message_count = 0
        return False

    def _keep_chunk(self, chunk: tuple[int, int, int]) -> None:
        if len(self._chunks) + len(self._runs) >= _MAX_CHUNKS:
            raise DamagedError(self.path, f"it has more than {_MAX_CHUNKS} chunks", chunk[2])
        self._chunks.append(chunk)

    def _chunk_index(self, fields: Fields, place: int) -> tuple[int, int, int]:
        start_ns, end_ns, offset, length = fields.u64(), fields.u64(), fields.u64(), fields.u64()
        if offset < len(MAGIC) or offset + length > place:
            raise DamagedError(self.path, f"its index names a chunk of {length} bytes at byte {offset}", place)
        return start_ns, end_ns, offset

    def _take_statistics(self, fields: Fields) -> None:
        self.message_count = fields.u64()
        fields.block(2 + 4 + 4 + 4 + 4)
        self.start_ns, self.end_ns = fields.u64(), fields.u64()
        for _ in range(fields.u32() // 10):
            number = fields.u16()
            self._counts[number] = fields.u64()

    def _take_metadata(self, fields: Fields) -> None:
        """Read the copy of metadata.yaml that rosbag2 stores in the file."""
        offset, length, name = fields.u64(), fields.u64(), fields.text()
        if name == "rosbag2" and length < _RUN_BYTES and offset + length <= self._file.size:
            place = next(self._file.records(offset, offset + length))
            if place.opcode == mcap_records.METADATA:
                content = self._file.fields(place)
                content.text()
                self.metadata_text = content.pairs().get("serialized_metadata", "")

    def _scan(self, end: int) -> None:
        """Read the whole file, to find what the index lacks."""
        spans: list[int] = []
        run: list[int] = []  # first time, begin, end
        for place in self._file.records(len(MAGIC), end):
            if place.opcode == mcap_records.MESSAGE:
                number, log_ns = self._head(place)
                self._counts[number] += 1
                spans = _widened(spans, log_ns, log_ns)
                if run and run[2] == place.offset and place.end - run[1] <= _RUN_BYTES:
                    run[0], run[2] = min(run[0], log_ns), place.end
                else:
                    self._keep_run(run)
                    run = [log_ns, place.offset, place.end]
            elif place.opcode == mcap_records.CHUNK:
                chunk = self._file.chunk(place.offset)
                if self._count_inside(chunk):
                    self._keep_chunk((chunk.start_ns, chunk.end_ns, chunk.offset))
                    spans = _widened(spans, chunk.start_ns, chunk.end_ns)
            elif place.opcode == mcap_records.DATA_END:
                break
            elif place.opcode in (mcap_records.SCHEMA, mcap_records.CHANNEL):
                self._directory.take(place.opcode, self._file.fields(place))
        self._keep_run(run)
        self.message_count = sum(self._counts.values())
        self.start_ns, self.end_ns = spans or (0, 0)

    def _head(self, place: Place) -> tuple[int, int]:
        if place.length < MESSAGE_HEAD.size:
            raise DamagedError(self.path, f"a message record has {place.length} bytes", place.offset)
        number, _, log_ns, _ = MESSAGE_HEAD.unpack(self._file.read(place.start, MESSAGE_HEAD.size))
        return number, log_ns

    def _keep_run(self, run: list[int]) -> None:
        if run:
            self._runs.append((run[0], run[1], run[2]))

    def _count_inside(self, chunk: Chunk) -> int:
        data = self._file.chunk_data(chunk, verify=False)
        count = 0
        for opcode, _, start, length in self._file.inside(data, chunk.offset):
            if opcode == mcap_records.MESSAGE:
                self._counts[int.from_bytes(data[start : start + 2], "little")] += 1
                count += 1
            elif opcode in (mcap_records.SCHEMA, mcap_records.CHANNEL):
                self._directory.take(opcode, Fields(self.path, data[start : start + length], chunk.offset))
        return count

    def _chunk_messages(self, offset: int, wanted: dict[int, StoredTopic], verify: bool) -> Iterator[StoredMessage]:
        chunk = self._file.chunk(offset)
        self._open_bytes += chunk.size
        if self._open_bytes > MAX_OPEN_BYTES:
            raise DamagedError(self.path, f"chunks of {self._open_bytes} bytes overlap in time", offset)
        if chunk.compression or verify or chunk.size != chunk.packed_bytes:
            data = self._file.chunk_data(chunk, verify=verify)
            yield from messages_of_data(self.path, data, offset, wanted)
        else:
            yield from messages_of_file(self._file, chunk.packed_offset, chunk.packed_bytes, offset, wanted)
        self._open_bytes -= chunk.size


def _widened(span: list[int], start: int, end: int) -> list[int]:
    return [min(span[0], start), max(span[1], end)] if span else [start, end]
