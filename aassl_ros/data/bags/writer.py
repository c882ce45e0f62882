"""Writes rosbag2 folders: messages as CDR without decoding, with times of receipt and publication."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

from rosbags.interfaces import Qos

from aassl_ros.data.bags import written_metadata
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.mcap_writer import McapStorage
from aassl_ros.data.bags.space_reserve import SpaceReserve
from aassl_ros.data.bags.sqlite_writer import SqliteStorage
from aassl_ros.data.bags.stored import StoredTopic
from aassl_ros.data.bags.written_metadata import Extent, WrittenTopic, qos_text
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError
from aassl_ros.files import sync_path

STORAGES = ("mcap", "sqlite3")
_WRITE_ERRORS = (OSError, sqlite3.Error)


class _Storage(Protocol):
    """One file of messages that is being written."""

    name: str
    file_name: str

    @property
    def size(self) -> int: ...

    def add_topic(self, topic: WrittenTopic) -> None: ...

    def write(self, number: int, log_ns: int, publish_ns: int, data: bytes) -> None: ...

    def flush(self) -> None: ...

    def close(self, metadata_text: str) -> None: ...

    def abandon(self) -> None: ...


class BagWriter:
    """A bag that is being written. `close` writes metadata.yaml; after an error in a `with` block it is not written.

    All calls must come from one thread (because of sqlite3).

    Args:
        path: the folder to make; it must not exist.
        storage: "mcap" or "sqlite3".
        name: the name of the file without suffix; empty means the name of the folder.
        profile: the profile in an MCAP file.
        settings: compression, checksum and fsync; the defaults if None.
        reserve_bytes: disk space to keep for closing the bag if the disk is full.

    Raises:
        BagError: the bag cannot be made or written.
    """

    def __init__(
        self,
        path: Path | str,
        storage: str = "mcap",
        *,
        name: str = "",
        profile: str = "ros2",
        settings: FileSettings | None = None,
        reserve_bytes: int = 0,
    ) -> None:
        self.path = Path(path)
        if storage not in STORAGES:
            raise BagError(f"{path}: storage is {storage!r}, expected one of {', '.join(STORAGES)}.")
        if self.path.exists():
            raise BagError(f"{path} exists already. Give another path or move it away: a bag is never overwritten.")
        self._topics: list[WrittenTopic] = []
        self._numbers: dict[str, int] = {}
        self._copied: dict[StoredTopic, int] = {}
        self._extent = Extent()
        self._custom_data: dict[str, str] = {}
        self._settings = settings or FileSettings()
        with self._reporting():
            self.path.mkdir(parents=True)
            self._reserve = SpaceReserve(self.path, reserve_bytes)
            name = name or self.path.name
            self._storage: _Storage
            if storage == "mcap":
                self._storage = McapStorage(self.path, name, profile, self._settings, self._reserve)
            else:
                self._storage = SqliteStorage(self.path, name, self._settings, self._reserve)
            if self._settings.fsync == "flush":
                self._sync_names()

    def add_topic(self, name: str, msgtype: str, *, qos: Sequence[Qos] = (), type_hash: str = "") -> None:
        """Add a topic.

        Args:
            name: the absolute name of the topic.
            msgtype: its type, such as "sensor_msgs/msg/Image".
            qos: the profiles that its publishers offer.
            type_hash: the hash of the type; computed if empty.

        Raises:
            BagError: no definition of the type is found.
        """
        if name in self._numbers:
            return
        definition, computed_hash = messages.definition(msgtype)
        topic = WrittenTopic(name, msgtype, type_hash or computed_hash, qos_text(qos), definition.encode())
        self._numbers[name] = self._add(topic)

    def copy_topic(self, topic: StoredTopic) -> int:
        """Add a topic of another bag with its definition there. Returns its number, for `copy`."""
        if topic not in self._copied:
            about = (topic.definition, topic.definition_encoding, topic.encoding)
            self._copied[topic] = self._add(WrittenTopic(topic.name, topic.type, topic.type_hash, topic.qos, *about))
            self._numbers.setdefault(topic.name, self._copied[topic])
        return self._copied[topic]

    def write(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write one message.

        Args:
            topic: a topic that was added.
            log_ns: time of receipt, ns.
            publish_ns: time of publication, ns; sqlite3 bags do not store it.
            data: the message as CDR.

        Raises:
            BagError: the bag cannot be written.
        """
        self.copy(self._numbers[topic], log_ns, publish_ns, data)

    def copy(self, number: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write one message of the topic with this number from `copy_topic`."""
        try:
            self._storage.write(number, log_ns, publish_ns, data)
        except _WRITE_ERRORS as error:
            raise self._report(error) from error
        self._topics[number].count += 1
        self._extent.add(log_ns)

    def add_attachment(self, create_ns: int, log_ns: int, name: str, media_type: str, data: bytes) -> None:
        """Write an attachment (MCAP only)."""
        assert isinstance(self._storage, McapStorage)
        with self._reporting():
            self._storage.add_attachment(create_ns, log_ns, name, media_type, data)

    def add_metadata(self, name: str, content: dict[str, str]) -> None:
        """Write a metadata record (MCAP only)."""
        assert isinstance(self._storage, McapStorage)
        with self._reporting():
            self._storage.add_metadata(name, content)

    @property
    def size(self) -> int:
        """The size of the file so far, bytes, without the messages that are not flushed."""
        return self._storage.size

    @property
    def disk_full(self) -> bool:
        """Whether the disk was full, so that the bag must be closed now, in the space of the reserve."""
        return self._reserve.needed

    @property
    def counts(self) -> dict[str, int]:
        """The number of messages written so far, by topic."""
        counts: dict[str, int] = {}
        for topic in self._topics:
            counts[topic.name] = counts.get(topic.name, 0) + topic.count
        return counts

    def set_custom_data(self, key: str, value: str) -> None:
        """Set a text in the custom data of metadata.yaml."""
        self._custom_data[key] = value

    def flush(self) -> None:
        """Give what is written to the system. Without a call, that happens while messages come, at 0.5 s or 1 MiB."""
        with self._reporting():
            self._storage.flush()

    def close(self) -> None:
        """Write the buffered messages, the index and metadata.yaml. Raises BagError if they cannot be written."""
        with self._reporting():
            content = written_metadata.information(
                self._storage.name, self._storage.file_name, self._topics, self._extent, self._custom_data
            )
            self._storage.close(written_metadata.as_text(content))
            written_metadata.write_file(self.path, content)
            if self._settings.fsync != "never":
                self._sync_names(written_metadata.FILE_NAME)

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._storage.abandon()
            self._reserve.give_back()

    def _add(self, topic: WrittenTopic) -> int:
        with self._reporting():
            self._storage.add_topic(topic)
        self._topics.append(topic)
        return len(self._topics) - 1

    def _sync_names(self, *files: str) -> None:
        """Force files of the bag, the names in its folder and its own name to the disk."""
        for path in (*(self.path / name for name in files), self.path, self.path.parent):
            sync_path(path)

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except _WRITE_ERRORS as error:
            raise self._report(error) from error

    def _report(self, error: OSError | sqlite3.Error) -> BagError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return BagError(f"{self.path} cannot be written: {reason}. Choose another folder or free space.")
