"""Writes NAME_0.mcap with the mcap library, because the writer of rosbags does not store the time of publication."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import IO

from mcap.writer import CompressionType, Writer

from aassl_ros.data.bags import written_metadata
from aassl_ros.data.bags.written_metadata import WrittenTopic

# Messages are written and indexed in chunks of this size. A crash loses at most this, plus the buffers of the system.
_CHUNK_BYTES = 1 << 20
# A chunk of this age is written although it is not full.
_CHUNK_S = 0.5


class McapStorage:
    """An MCAP file that is being written."""

    name = "mcap"

    def __init__(self, folder: Path, name: str, profile: str) -> None:
        self.file_name = f"{name}_0.mcap"
        self._stream: IO[bytes] = (folder / self.file_name).open("wb")
        # Not compressed: zstd hardly reduces images, and the recorder shares the CPU with the robot.
        self._writer = Writer(self._stream, chunk_size=_CHUNK_BYTES, compression=CompressionType.NONE)
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

    def flush(self) -> None:
        """End the chunk and write it: a killed process then loses none of it."""
        self._writer.flush()
        self._flushed_s = time.monotonic()

    def add_attachment(self, create_ns: int, log_ns: int, name: str, media_type: str, data: bytes) -> None:
        """Write an attachment."""
        self._writer.add_attachment(create_ns, log_ns, name, media_type, data)

    def add_metadata(self, name: str, content: dict[str, str]) -> None:
        """Write a metadata record."""
        self._writer.add_metadata(name, content)

    def close(self, metadata_text: str) -> None:
        """Write the buffered messages, the copy of metadata.yaml, and the index."""
        self._writer.add_metadata("rosbag2", {"serialized_metadata": metadata_text})
        self._writer.finish()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def abandon(self) -> None:
        """Close the file without an index."""
        with contextlib.suppress(OSError):
            self._stream.close()
