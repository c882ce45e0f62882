"""Writes rosbag2 directories: messages as the CDR that came, undecoded, with receipt and source time.

MCAP by the mcap library (rosbags' own writer keeps no source time), sqlite3 by rosbags.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Protocol

import yaml
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.interfaces import Qos
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as RosbagsWriter
from rosbags.rosbag2.errors import WriterError

from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError

STORAGES = ("mcap", "sqlite3")
# Written at once and indexed together; what a crash loses at most, beside the system's own buffers.
_CHUNK_BYTES = 1 << 20
_METADATA_VERSION: Literal[8] = 8
_LIBRARY = "aassl_ros"


@dataclass
class _Topic:
    """A topic in the bag; its count grows."""

    name: str
    type: str
    hash: str
    qos: str
    count: int = 0


class _Storage(Protocol):
    """One file of messages and how it is closed."""

    def add_topic(self, topic: _Topic, definition: str, qos: Sequence[Qos]) -> None: ...

    def write(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None: ...

    def close(self, custom_data: dict[str, str]) -> None: ...

    def abandon(self) -> None: ...


class BagWriter:
    """A bag being written; `close` completes it with metadata.yaml. Used in a `with`, an error leaves it without.

    path: the directory to make; it must not exist. storage: mcap or sqlite3. One thread must do it all (sqlite3).
    Raises BagError where the bag cannot be made or written.
    """

    def __init__(self, path: Path | str, storage: str = "mcap") -> None:
        self.path = Path(path)
        if storage not in STORAGES:
            raise BagError(f"{path}: storage is {storage!r}, expected one of {', '.join(STORAGES)}.")
        if self.path.exists():
            raise BagError(f"{path} exists already: give another path or move it away; a bag is never overwritten.")
        self._topics: dict[str, _Topic] = {}
        self._custom_data: dict[str, str] = {}
        with self._reporting():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._storage: _Storage = _McapFile(self.path) if storage == "mcap" else _SqliteFile(self.path)

    def add_topic(self, name: str, msgtype: str, *, qos: Sequence[Qos] = (), type_hash: str = "") -> None:
        """Begin a topic; qos: the profiles its publishers offer. Raises BagError if the type has no definition here."""
        if name in self._topics:
            return
        definition, computed_hash = messages.definition(msgtype)
        topic = _Topic(name, msgtype, type_hash or computed_hash, qos_text(qos))
        with self._reporting():
            self._storage.add_topic(topic, definition, qos)
        self._topics[name] = topic

    def write(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write one message's CDR. log_ns: when it was received; publish_ns: when it was sent (sqlite3 keeps none)."""
        with self._reporting():
            self._storage.write(topic, log_ns, publish_ns, data)
        self._topics[topic].count += 1

    def set_custom_data(self, key: str, value: str) -> None:
        """A text for metadata.yaml's custom data."""
        self._custom_data[key] = value

    def close(self) -> None:
        """Write what is buffered, the index and metadata.yaml."""
        with self._reporting():
            self._storage.close(self._custom_data)

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._storage.abandon()

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, WriterError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise BagError(f"{self.path} cannot be written: {reason}. Choose another folder or make room.") from error


class _McapFile:
    """DIR/NAME_0.mcap and DIR/metadata.yaml."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        self._path = path
        self._file_name = f"{path.name}_0.mcap"
        self._stream: IO[bytes] = (path / self._file_name).open("wb")
        # Uncompressed: images hardly shrink by zstd, and the recorder shares its core with the robot.
        self._writer = McapWriter(self._stream, chunk_size=_CHUNK_BYTES, compression=CompressionType.NONE)
        self._writer.start(profile="ros2", library=_LIBRARY)
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._topics: list[_Topic] = []
        self._first_ns: int | None = None
        self._last_ns = 0

    def add_topic(self, topic: _Topic, definition: str, qos: Sequence[Qos]) -> None:
        if topic.type not in self._schemas:
            self._schemas[topic.type] = self._writer.register_schema(topic.type, "ros2msg", definition.encode())
        about = {"offered_qos_profiles": topic.qos, "topic_type_hash": topic.hash}
        self._channels[topic.name] = self._writer.register_channel(topic.name, "cdr", self._schemas[topic.type], about)
        self._topics.append(topic)

    def write(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        self._writer.add_message(self._channels[topic], log_ns, data, publish_ns)
        self._first_ns = log_ns if self._first_ns is None else min(self._first_ns, log_ns)
        self._last_ns = max(self._last_ns, log_ns)

    def close(self, custom_data: dict[str, str]) -> None:
        metadata = self._metadata(custom_data)
        text = yaml.safe_dump(metadata["rosbag2_bagfile_information"], sort_keys=False)
        self._writer.add_metadata("rosbag2", {"serialized_metadata": text})
        self._writer.finish()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        draft = self._path / "metadata.yaml.draft"
        draft.write_text(yaml.safe_dump(metadata, sort_keys=False), encoding="utf-8")
        draft.replace(self._path / "metadata.yaml")

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()

    def _metadata(self, custom_data: dict[str, str]) -> dict[str, Any]:
        start_ns = self._first_ns or 0
        duration_ns = max(0, self._last_ns - start_ns)
        count = sum(topic.count for topic in self._topics)
        when = {
            "duration": {"nanoseconds": duration_ns},
            "starting_time": {"nanoseconds_since_epoch": start_ns},
            "message_count": count,
        }
        return {
            "rosbag2_bagfile_information": {
                "version": _METADATA_VERSION,
                "storage_identifier": "mcap",
                **when,
                "topics_with_message_count": [_topic_metadata(topic) for topic in self._topics],
                "compression_format": "",
                "compression_mode": "",
                "relative_file_paths": [self._file_name],
                # Copied, as YAML would else write the second as a reference to the first.
                "files": [{"path": self._file_name, **{key: _copy(value) for key, value in when.items()}}],
                "custom_data": custom_data or None,
                "ros_distro": os.environ.get("ROS_DISTRO", _LIBRARY),
            }
        }


class _SqliteFile:
    """DIR/NAME.db3 and DIR/metadata.yaml, by rosbags."""

    def __init__(self, path: Path) -> None:
        self._writer = RosbagsWriter(path, version=_METADATA_VERSION, storage_plugin=StoragePlugin.SQLITE3)
        self._writer.open()
        self._connections: dict[str, Any] = {}

    def add_topic(self, topic: _Topic, definition: str, qos: Sequence[Qos]) -> None:
        self._connections[topic.name] = self._writer.add_connection(
            topic.name, topic.type, msgdef=definition, rihs01=topic.hash, offered_qos_profiles=list(qos)
        )

    def write(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        self._writer.write(self._connections[topic], log_ns, data)

    def close(self, custom_data: dict[str, str]) -> None:
        for key, value in custom_data.items():
            self._writer.set_custom_data(key, value)
        self._writer.close()

    def abandon(self) -> None:
        self._writer.abort()


def qos_text(profiles: Sequence[Qos]) -> str:
    """QoS profiles as metadata up to version 8 keeps them: one string of YAML, policies by number."""
    values = [
        {
            "history": profile.history.value,
            "depth": profile.depth,
            "reliability": profile.reliability.value,
            "durability": profile.durability.value,
            "deadline": {"sec": profile.deadline.sec, "nsec": profile.deadline.nsec},
            "lifespan": {"sec": profile.lifespan.sec, "nsec": profile.lifespan.nsec},
            "liveliness": profile.liveliness.value,
            "liveliness_lease_duration": {
                "sec": profile.liveliness_lease_duration.sec,
                "nsec": profile.liveliness_lease_duration.nsec,
            },
            "avoid_ros_namespace_conventions": profile.avoid_ros_namespace_conventions,
        }
        for profile in profiles
    ]
    return yaml.safe_dump(values, sort_keys=False).strip() if values else ""


def _topic_metadata(topic: _Topic) -> dict[str, Any]:
    return {
        "topic_metadata": {
            "name": topic.name,
            "type": topic.type,
            "serialization_format": "cdr",
            "offered_qos_profiles": topic.qos,
            "type_description_hash": topic.hash,
        },
        "message_count": topic.count,
    }


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value
