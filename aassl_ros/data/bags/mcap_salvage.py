"""Reads all messages that are readable in a truncated or damaged MCAP file, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aassl_ros.data.bags import mcap_records
from aassl_ros.data.bags.damage import MAX_MESSAGE_BYTES, DamagedError
from aassl_ros.data.bags.mcap_records import MAGIC, MESSAGE_HEAD, Directory, Fields, McapStream, Place
from aassl_ros.data.bags.recovered import Attachment, NamedTexts, Recovered
from aassl_ros.data.bags.stored import StoredMessage

# Size of the entry for each message in a Message Index record: time and offset.
_INDEX_ENTRY_BYTES = 16


def profile_of(path: Path) -> str:
    """The profile in the header of a file, such as "ros1" or "ros2"; "ros2" if it cannot be read."""
    try:
        with path.open("rb") as stream:
            file = McapStream(path, stream)
            place = next(file.records(len(MAGIC), file.size))
            return file.fields(place).text()[:100] if place.opcode == mcap_records.HEADER else "ros2"
    except (DamagedError, StopIteration):
        return "ros2"


class McapSalvage:
    """Reads one file. A chunk is saved completely, or not at all if its checksum is wrong."""

    def __init__(self, path: Path, report: Recovered) -> None:
        self._path, self._report = path, report
        self._directory = Directory()
        self._found = 0
        self._declared = 0
        self._closed = False
        self._in_damaged = False

    def contents(self) -> Iterator[StoredMessage | Attachment | NamedTexts]:
        """Yield the readable contents. The report counts the rest."""
        with self._path.open("rb") as stream:
            file = McapStream(self._path, stream)
            if file.size < len(MAGIC) or file.read(0, len(MAGIC)) != MAGIC:
                self._report.note(f"{self._path.name} does not begin as an MCAP file does.")
            end = min(len(MAGIC), file.size)
            try:
                for place in file.records(end, file.size):
                    yield from self._record_or_note(file, place)
                    end = place.end
                    if self._closed:
                        break
            except DamagedError as error:
                self._report.note(str(error))
            self._closed = self._closed and end == file.size - len(MAGIC)
            if not self._closed:
                self._report.whole = False
                self._report.discarded_bytes += file.size - end
            # The index of a closed file knows how many there were, also in chunks that told nothing.
            self._report.discarded_messages = max(self._report.discarded_messages, self._declared - self._found)

    def _record_or_note(self, file: McapStream, place: Place) -> Iterator[StoredMessage | Attachment | NamedTexts]:
        try:
            yield from self._record(file, place)
        except DamagedError as error:  # the length is correct, so that the next record can be found
            self._report.damaged_records += 1
            self._report.note(str(error))

    def _record(self, file: McapStream, place: Place) -> Iterator[StoredMessage | Attachment | NamedTexts]:
        if place.opcode == mcap_records.CHUNK:
            damaged = self._report.damaged_chunks
            yield from self._chunk(file, place)
            self._in_damaged = self._report.damaged_chunks > damaged
        elif place.opcode == mcap_records.MESSAGE_INDEX and self._in_damaged:
            entries = file.fields(place)
            entries.u16()
            self._report.discarded_messages += entries.u32() // _INDEX_ENTRY_BYTES
        elif place.opcode == mcap_records.MESSAGE:
            if place.length < MESSAGE_HEAD.size:
                raise DamagedError(self._path, f"a message record has {place.length} bytes", place.offset)
            data = file.read(place.start, place.length, MAX_MESSAGE_BYTES)
            yield from self._message(data)
        elif place.opcode == mcap_records.ATTACHMENT:
            yield _attachment(Fields(self._path, file.read(place.start, place.length, MAX_MESSAGE_BYTES), place.start))
        elif place.opcode == mcap_records.METADATA:
            fields = file.fields(place)
            yield NamedTexts(fields.text(), fields.pairs())
        elif place.opcode == mcap_records.STATISTICS:
            self._declared = file.fields(place).u64()
        elif place.opcode == mcap_records.FOOTER:
            self._closed = True
        elif place.opcode in (mcap_records.SCHEMA, mcap_records.CHANNEL):
            self._directory.take(place.opcode, file.fields(place))

    def _chunk(self, file: McapStream, place: Place) -> Iterator[StoredMessage]:
        try:
            chunk = file.chunk(place.offset)
            data = file.chunk_data(chunk, verify=True)
            for opcode, _, start, length in file.inside(data, place.offset):
                if opcode in (mcap_records.SCHEMA, mcap_records.CHANNEL):
                    self._directory.take(opcode, Fields(self._path, data[start : start + length], place.offset))
        except DamagedError as error:
            self._report.damaged_chunks += 1
            self._report.note(str(error))
            return
        for opcode, _, start, length in file.inside(data, place.offset):
            if opcode == mcap_records.MESSAGE:
                yield from self._message(data[start : start + length])

    def _message(self, content: bytes) -> Iterator[StoredMessage]:
        number, _, log_ns, publish_ns = MESSAGE_HEAD.unpack_from(content)
        topic = self._directory.topics.get(number)
        if topic is None:
            self._report.discarded_messages += 1
            self._report.note(f"{self._path.name}: messages of channel {number}, which is nowhere described.")
            return
        self._found += 1
        yield StoredMessage(log_ns, publish_ns, topic, content[MESSAGE_HEAD.size :])


def _attachment(fields: Fields) -> Attachment:
    log_ns, create_ns = fields.u64(), fields.u64()
    name, media_type = fields.text(), fields.text()
    return Attachment(create_ns, log_ns, name, media_type, fields.block(fields.u64()))
