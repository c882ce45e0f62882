"""Reads the messages of a chunk of an MCAP file, or of a run of messages outside of chunks, in order of receipt.

Of large messages, such as raw images, only the begin is read. The rest stays in the file until it is needed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

import numpy as np

from aassl_ros.data.bags.damage import MAX_MESSAGE_BYTES, DamagedError
from aassl_ros.data.bags.mcap_records import MESSAGE, MESSAGE_HEAD, RECORD, McapStream
from aassl_ros.data.bags.stored import StoredMessage, StoredTopic

# The file is read in blocks of this size. A message that is larger is read alone.
_BLOCK = 1 << 16
# The head of a record and that of a message in it, without padding.
_HEAD = Struct("<BQHIQQ")
_HEAD_TYPE = np.dtype({"names": ["log_ns"], "formats": ["<u8"], "offsets": [15], "itemsize": _HEAD.size})
_LOG_NS = 4
# Of a message that is not read so many bytes are: its header, and more.
_BEGIN = 4096
_MOST_BYTES = MAX_MESSAGE_BYTES + (4 << 20)
# More messages of a chunk are ordered by numpy, which needs less memory: there may be millions.
_FEW = 1000


@dataclass(frozen=True)
class _Large:
    """See stored.LargeData."""

    stream: McapStream
    place: int
    size: int

    def read(self) -> bytes:
        return self.stream.read(self.place, self.size, _MOST_BYTES)

    def read_into(self, buffer: memoryview) -> None:
        self.stream.read_into(self.place, buffer)


def messages_of_file(
    stream: McapStream, begin: int, length: int, chunk: int, wanted: Mapping[int, StoredTopic]
) -> Iterator[StoredMessage]:
    """Read messages that are not compressed.

    Args:
        stream: the file.
        begin, length: of the records in it.
        chunk: place of the chunk, for errors.
        wanted: channel -> topic; messages of other channels are left out.

    Yields:
        The messages by time of receipt; those of the same time in the order of the file.

    Raises:
        DamagedError: a record is not whole.
    """
    stream.check(begin, length, _MOST_BYTES)
    found = _Found(stream.path, chunk, stream)
    found.scan(begin, begin + length, wanted)
    return found.in_order(wanted)


def messages_of_data(path: Path, data: bytes, chunk: int, wanted: Mapping[int, StoredTopic]) -> Iterator[StoredMessage]:
    """Read messages from the records of a chunk in memory: see `messages_of_file`."""
    found = _Found(path, chunk, data)
    found.scan(0, len(data), wanted)
    return found.in_order(wanted)


class _Found:
    """The wanted messages of a chunk. Of each only its head and place are kept, and the blocks of small ones."""

    def __init__(self, path: Path, chunk: int, source: McapStream | bytes) -> None:
        self._path, self._chunk, self._source = path, chunk, source
        self._heads = bytearray()
        self._places = array("Q")
        self._blocks: list[bytes] = []
        self._begins: list[int] = []

    def scan(self, place: int, end: int, wanted: Mapping[int, StoredTopic]) -> None:
        data = self._block(place, end)
        at, limit = place, place + len(data)  # the block's begin and end
        heads, places, unpack, size = self._heads, self._places, _HEAD.unpack_from, _HEAD.size
        while place < end:
            if place + size > limit:
                if limit < end:
                    data = self._block(place, end)
                    at, limit = place, place + len(data)
                if place + size > limit:  # too short for a message
                    self._check_last(data, place - at, place, end)
                    place += RECORD.size + RECORD.unpack_from(data, place - at)[1]
                    continue
            opcode, length, number, _, _, _ = unpack(data, place - at)
            following = place + RECORD.size + length
            if following > end or (opcode == MESSAGE and length < MESSAGE_HEAD.size):
                raise self._too_long(length)
            if opcode == MESSAGE and number in wanted:
                if following > limit and following - place <= _BLOCK:
                    data = self._block(place, end)
                    at, limit = place, place + len(data)
                heads += data[place - at : place - at + size]
                places.append(place)
            place = following

    def in_order(self, wanted: Mapping[int, StoredTopic]) -> Iterator[StoredMessage]:
        at = limit = 0
        for (_, length, number, _, log_ns, publish_ns), place in self._ordered():
            begin, end = place + _HEAD.size, place + RECORD.size + length
            if not at <= begin or end > limit:
                index = bisect_right(self._begins, begin) - 1
                at, data = self._begins[index], self._blocks[index]
                limit = at + len(data)
            if end <= limit:
                yield StoredMessage(log_ns, publish_ns, wanted[number], data[begin - at : end - at])
            else:
                yield StoredMessage(log_ns, publish_ns, wanted[number], *self._large(begin, end - begin))

    def _ordered(self) -> Iterable[tuple[tuple[int, ...], int]]:
        """The head of each message and its place, by time of receipt."""
        heads, places = bytes(self._heads), self._places
        if len(places) <= _FEW:
            return sorted(zip(_HEAD.iter_unpack(heads), places, strict=True), key=lambda found: found[0][_LOG_NS])
        times = np.frombuffer(heads, _HEAD_TYPE)["log_ns"]
        if not (times[1:] >= times[:-1]).all():
            order = np.argsort(times, kind="stable")
            heads = np.frombuffer(heads, f"V{_HEAD.size}")[order].tobytes()
            places = array("Q", np.frombuffer(places, np.uint64)[order].tobytes())
        return zip(_HEAD.iter_unpack(heads), places, strict=True)

    def _large(self, place: int, size: int) -> tuple[bytes, _Large]:
        assert isinstance(self._source, McapStream)  # data in memory are one block
        return self._source.read(place, _BEGIN), _Large(self._source, place, size)

    def _block(self, place: int, end: int) -> bytes:
        source = self._source
        data = source if isinstance(source, bytes) else source.read(place, min(_BLOCK, end - place))
        self._blocks.append(data)
        self._begins.append(place)
        return data

    def _check_last(self, data: bytes, offset: int, place: int, end: int) -> None:
        if place + RECORD.size > end:
            raise DamagedError(self._path, "the chunk or index there ends within a record", self._chunk)
        opcode, length = RECORD.unpack_from(data, offset)
        if place + RECORD.size + length > end or opcode == MESSAGE:
            raise self._too_long(length)

    def _too_long(self, length: int) -> DamagedError:
        what = f"the chunk or index there claims a record of {length} bytes, more than it has"
        return DamagedError(self._path, what, self._chunk)
