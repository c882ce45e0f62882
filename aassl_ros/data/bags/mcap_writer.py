"""Writes NAME_0.mcap without copying pictures. docs/dependencies.md says why not with the mcap library or rosbags."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from aassl_ros.data.bags import mcap_encoding, written_metadata
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.mcap_chunk import ChunkBuilder
from aassl_ros.data.bags.space_reserve import ReservedFile, SpaceReserve
from aassl_ros.data.bags.written_metadata import WrittenTopic

# Messages are written and indexed in chunks of this size. A crash loses at most this, plus the buffers of the system.
_CHUNK_BYTES = 1 << 20
# A chunk of this age is written although it is not full.
_CHUNK_S = 0.5


class McapStorage:
    """An MCAP file that is being written."""

    name = "mcap"

    def __init__(self, folder: Path, name: str, profile: str, settings: FileSettings, reserve: SpaceReserve) -> None:
        self.file_name = f"{name}_0.mcap"
        self._fsync, self._crc = settings.fsync, settings.mcap_crc
        self._reserve = reserve
        self._file = ReservedFile(folder / self.file_name, reserve)
        compression = "" if settings.mcap_compression == "none" else settings.mcap_compression
        self._chunk = ChunkBuilder(compression, crc=settings.mcap_crc)
        self._schemas: dict[tuple[str, bytes], bytes] = {}
        self._channels: list[bytes] = []
        self._counts: dict[int, int] = {}
        self._chunk_indexes: list[bytes] = []  # encoded: a bag of hours has many
        self._times_ns: tuple[int, int] | None = None
        self._attachment_indexes: list[bytes] = []
        self._metadata_indexes: list[bytes] = []
        self._flushed_s = time.monotonic()
        self._file.write([mcap_encoding.begin(profile, written_metadata.LIBRARY)])

    def add_topic(self, topic: WrittenTopic) -> None:
        """Add a topic. The first one has number 0."""
        key = (topic.type, topic.definition)
        if key not in self._schemas:
            schema = mcap_encoding.schema(
                len(self._schemas) + 1, topic.type, topic.definition_encoding, topic.definition
            )
            self._schemas[key] = schema
            self._chunk.add_record(schema)
        schema_number = list(self._schemas).index(key) + 1
        about = {"offered_qos_profiles": topic.qos, "topic_type_hash": topic.hash}
        number = len(self._channels) + 1
        self._channels.append(mcap_encoding.channel(number, schema_number, topic.name, topic.encoding, about))
        self._counts[number] = 0
        self._chunk.add_record(self._channels[-1])

    def write(self, number: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write one message of topic `number`. It must not change afterwards."""
        chunk = self._chunk
        chunk.add_message(number + 1, log_ns, publish_ns, data)
        if chunk.size > _CHUNK_BYTES:
            self._end_chunk()
        if time.monotonic() - self._flushed_s > _CHUNK_S:
            self.flush()

    @property
    def size(self) -> int:
        """The size of the file so far, bytes."""
        return self._file.position

    def flush(self) -> None:
        """End the chunk and write it: a killed process then loses none of it."""
        self._end_chunk()
        if self._fsync == "flush":
            self._file.sync()
        self._flushed_s = time.monotonic()

    def add_attachment(self, create_ns: int, log_ns: int, name: str, media_type: str, data: bytes) -> None:
        """Write an attachment."""
        content = mcap_encoding.attachment(create_ns, log_ns, name, media_type, data)
        place = (self._file.position, len(content))
        self._attachment_indexes.append(
            mcap_encoding.attachment_index(*place, create_ns, log_ns, name, media_type, data)
        )
        self._file.write([content])

    def add_metadata(self, name: str, content: dict[str, str]) -> None:
        """Write a metadata record."""
        data = mcap_encoding.metadata(name, content)
        self._metadata_indexes.append(mcap_encoding.metadata_index(self._file.position, len(data), name))
        self._file.write([data])

    def close(self, metadata_text: str) -> None:
        """Write the buffered messages, the copy of metadata.yaml, and the index."""
        self._reserve.give_back()
        self._end_chunk()
        self.add_metadata("rosbag2", {"serialized_metadata": metadata_text})
        statistics = mcap_encoding.statistics(
            len(self._schemas),
            len(self._attachment_indexes),
            len(self._metadata_indexes),
            len(self._chunk_indexes),
            self._times_ns or (0, 0),
            self._counts,
        )
        groups = (
            list(self._schemas.values()),
            self._channels,
            [statistics],
            self._chunk_indexes,
            self._attachment_indexes,
            self._metadata_indexes,
        )
        self._file.write([mcap_encoding.end(self._file.position, groups, crc=self._crc)])
        if self._fsync != "never":
            self._file.sync()
        self._file.close()

    def abandon(self) -> None:
        """Close the file without an index."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _end_chunk(self) -> None:
        """Write the messages so far as one chunk. Without any, schemas and channels wait for the first message."""
        counts = self._chunk.counts
        if counts:
            for channel, count in counts.items():
                self._counts[channel] += count
            parts, index = self._chunk.take(self._file.position)
            self._file.write(parts)
            self._chunk_indexes.append(index.record())
            first, last = self._times_ns or (index.start_ns, index.end_ns)
            self._times_ns = min(first, index.start_ns), max(last, index.end_ns)
