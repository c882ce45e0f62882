"""Writes NAME_0.mcap with the mcap library, because the writer of rosbags does not store the time of publication."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import IO, Any, cast

from mcap.writer import CompressionType, Writer

from aassl_ros.data.bags import written_metadata
from aassl_ros.data.bags.file_settings import FileSettings
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
        self._fsync = settings.fsync
        self._reserve = reserve
        self._stream = ReservedFile(folder / self.file_name, reserve)
        self._writer = Writer(
            cast(IO[Any], self._stream),
            chunk_size=_CHUNK_BYTES,
            compression=CompressionType[settings.mcap_compression.upper()],
            enable_crcs=settings.mcap_crc,
        )
        self._writer.start(profile=profile, library=written_metadata.LIBRARY)
        self._schemas: dict[tuple[str, bytes], int] = {}
        self._channels: list[int] = []
        self._flushed_s = time.monotonic()

    def add_topic(self, topic: WrittenTopic) -> None:
        """Add a topic. The first one has number 0."""
        key = (topic.type, topic.definition)
        if key not in self._schemas:
            self._schemas[key] = self._writer.register_schema(topic.type, topic.definition_encoding, topic.definition)
        about = {"offered_qos_profiles": topic.qos, "topic_type_hash": topic.hash}
        self._channels.append(self._writer.register_channel(topic.name, topic.encoding, self._schemas[key], about))

    def write(self, number: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write one message of topic `number`."""
        self._writer.add_message(self._channels[number], log_ns, data, publish_ns)
        if time.monotonic() - self._flushed_s > _CHUNK_S:
            self.flush()

    @property
    def size(self) -> int:
        """The size of the file so far, bytes."""
        return self._stream.tell()

    def flush(self) -> None:
        """End the chunk and write it: a killed process then loses none of it."""
        self._writer.flush()
        if self._fsync == "flush":
            self._stream.sync()
        self._flushed_s = time.monotonic()

    def add_attachment(self, create_ns: int, log_ns: int, name: str, media_type: str, data: bytes) -> None:
        """Write an attachment."""
        self._writer.add_attachment(create_ns, log_ns, name, media_type, data)

    def add_metadata(self, name: str, content: dict[str, str]) -> None:
        """Write a metadata record."""
        self._writer.add_metadata(name, content)

    def close(self, metadata_text: str) -> None:
        """Write the buffered messages, the copy of metadata.yaml, and the index."""
        self._reserve.give_back()
        self._writer.add_metadata("rosbag2", {"serialized_metadata": metadata_text})
        self._writer.finish()
        if self._fsync != "never":
            self._stream.sync()
        self._stream.close()

    def abandon(self) -> None:
        """Close the file without an index."""
        with contextlib.suppress(OSError):
            self._stream.close()
