"""Writes rosbag2 directories: messages as the CDR that came, undecoded, with receipt and source time."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

from rosbags.interfaces import Qos

from aassl_ros.data.bags import written_metadata
from aassl_ros.data.bags.mcap_writer import McapStorage
from aassl_ros.data.bags.sqlite_writer import SqliteStorage
from aassl_ros.data.bags.stored import StoredTopic
from aassl_ros.data.bags.written_metadata import Extent, WrittenTopic, qos_text
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError

STORAGES = ("mcap", "sqlite3")


class _Storage(Protocol):
    """One file of messages and how it is closed."""

    name: str
    file_name: str

    def add_topic(self, topic: WrittenTopic) -> None: ...

    def write(self, number: int, log_ns: int, publish_ns: int, data: bytes) -> None: ...

    def close(self, metadata_text: str) -> None: ...

    def abandon(self) -> None: ...


class BagWriter:
    """A bag being written; `close` completes it with metadata.yaml. Used in a `with`, an error leaves it without.

    path: the directory to make; it must not exist. storage: mcap or sqlite3. One thread must do it all (sqlite3).
    name: what the file is named by; empty: as the directory. profile: of MCAP.
    Raises BagError where the bag cannot be made or written.
    """

    def __init__(self, path: Path | str, storage: str = "mcap", *, name: str = "", profile: str = "ros2") -> None:
        self.path = Path(path)
        if storage not in STORAGES:
            raise BagError(f"{path}: storage is {storage!r}, expected one of {', '.join(STORAGES)}.")
        if self.path.exists():
            raise BagError(f"{path} exists already: give another path or move it away; a bag is never overwritten.")
        self._topics: list[WrittenTopic] = []
        self._numbers: dict[str, int] = {}
        self._copied: dict[StoredTopic, int] = {}
        self._extent = Extent()
        self._custom_data: dict[str, str] = {}
        with self._reporting():
            self.path.mkdir(parents=True)
            name = name or self.path.name
            self._storage: _Storage
            if storage == "mcap":
                self._storage = McapStorage(self.path, name, profile)
            else:
                self._storage = SqliteStorage(self.path, name)

    def add_topic(self, name: str, msgtype: str, *, qos: Sequence[Qos] = (), type_hash: str = "") -> None:
        """Begin a topic; qos: the profiles its publishers offer. Raises BagError if the type has no definition here."""
        if name in self._numbers:
            return
        definition, computed_hash = messages.definition(msgtype)
        topic = WrittenTopic(name, msgtype, type_hash or computed_hash, qos_text(qos), definition.encode())
        self._numbers[name] = self._add(topic)

    def copy_topic(self, topic: StoredTopic) -> int:
        """Begin a topic as another bag has it, with its definition as it is there; its number, for `copy`."""
        if topic not in self._copied:
            about = (topic.definition, topic.definition_encoding, topic.encoding)
            self._copied[topic] = self._add(WrittenTopic(topic.name, topic.type, topic.type_hash, topic.qos, *about))
            self._numbers.setdefault(topic.name, self._copied[topic])
        return self._copied[topic]

    def write(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write one message's CDR. log_ns: when it was received; publish_ns: when it was sent (sqlite3 keeps none)."""
        self.copy(self._numbers[topic], log_ns, publish_ns, data)

    def copy(self, number: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write one message of the topic that `copy_topic` gave this number."""
        with self._reporting():
            self._storage.write(number, log_ns, publish_ns, data)
        self._topics[number].count += 1
        self._extent.add(log_ns)

    def add_attachment(self, create_ns: int, log_ns: int, name: str, media_type: str, data: bytes) -> None:
        """Write an attachment of MCAP."""
        assert isinstance(self._storage, McapStorage)
        with self._reporting():
            self._storage.add_attachment(create_ns, log_ns, name, media_type, data)

    def add_metadata(self, name: str, content: dict[str, str]) -> None:
        """Write a metadata record of MCAP."""
        assert isinstance(self._storage, McapStorage)
        with self._reporting():
            self._storage.add_metadata(name, content)

    @property
    def counts(self) -> dict[str, int]:
        """Messages written so far, by topic."""
        counts: dict[str, int] = {}
        for topic in self._topics:
            counts[topic.name] = counts.get(topic.name, 0) + topic.count
        return counts

    def set_custom_data(self, key: str, value: str) -> None:
        """A text for metadata.yaml's custom data."""
        self._custom_data[key] = value

    def close(self) -> None:
        """Write what is buffered, the index and metadata.yaml."""
        with self._reporting():
            content = written_metadata.information(
                self._storage.name, self._storage.file_name, self._topics, self._extent, self._custom_data
            )
            self._storage.close(written_metadata.as_text(content))
            written_metadata.write_file(self.path, content)

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._storage.abandon()

    def _add(self, topic: WrittenTopic) -> int:
        with self._reporting():
            self._storage.add_topic(topic)
        self._topics.append(topic)
        return len(self._topics) - 1

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise BagError(f"{self.path} cannot be written: {reason}. Choose another folder or make room.") from error
