"""Writes NAME.db3 with the tables of rosbag2's schema version 4. After a kill the committed messages remain."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from aassl_ros.data.bags import written_metadata
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.space_reserve import SpaceReserve
from aassl_ros.data.bags.written_metadata import WrittenTopic

# Messages are committed after this time or this size, so that they survive a kill of the process.
_COMMIT_S = 0.5
_COMMIT_BYTES = 1 << 20
# FULL syncs at every commit (sqlite.org/pragma.html). NORMAL would sync whenever the log is copied to the database:
# with images many times a second, and the messages would wait for a busy disk.
_SYNCHRONOUS = {"never": "OFF", "close": "OFF", "flush": "FULL"}
_TABLES = """
    CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);
    CREATE TABLE metadata(id INTEGER PRIMARY KEY, metadata_version INTEGER NOT NULL, metadata TEXT NOT NULL);
    CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
        serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL, type_description_hash TEXT NOT NULL);
    CREATE TABLE message_definitions(id INTEGER PRIMARY KEY, topic_type TEXT NOT NULL, encoding TEXT NOT NULL,
        encoded_message_definition TEXT NOT NULL, type_description_hash TEXT NOT NULL);
    CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,
        data BLOB NOT NULL);
    CREATE INDEX timestamp_idx ON messages (timestamp ASC);
"""


class SqliteStorage:
    """An sqlite3 file that is being written. All calls must come from one thread."""

    name = "sqlite3"

    def __init__(self, folder: Path, name: str, settings: FileSettings, reserve: SpaceReserve) -> None:
        self.file_name = f"{name}.db3"
        self._fsync, self._reserve = settings.fsync, reserve
        self._path = folder / self.file_name
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        # A commit of the write-ahead log survives a kill of the process.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[self._fsync]}")
        self._connection.executescript(_TABLES)
        distro = os.environ.get("ROS_DISTRO", written_metadata.LIBRARY)
        self._connection.execute("INSERT INTO schema VALUES(4, ?)", (distro,))
        self._types: set[str] = set()
        self._topics = 0
        self._transaction: list[tuple[str, tuple[object, ...]]] = []
        self._committed_s, self._uncommitted = time.monotonic(), 0

    def add_topic(self, topic: WrittenTopic) -> None:
        """Add a topic. The first one has number 0."""
        if topic.definition and topic.type not in self._types:
            self._types.add(topic.type)
            definition = topic.definition.decode(errors="replace")
            self._execute(
                "INSERT INTO message_definitions(topic_type, encoding, encoded_message_definition, "
                "type_description_hash) VALUES(?, ?, ?, ?)",
                (topic.type, topic.definition_encoding, definition, topic.hash),
            )
        self._topics += 1
        self._execute(
            "INSERT INTO topics VALUES(?, ?, ?, ?, ?, ?)",
            (self._topics, topic.name, topic.type, topic.encoding, topic.qos, topic.hash),
        )
        self.flush()

    def write(self, number: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write one message of topic `number`. The format does not store the time of publication."""
        self._execute("INSERT INTO messages(topic_id, timestamp, data) VALUES(?, ?, ?)", (number + 1, log_ns, data))
        self._uncommitted += len(data)
        if self._uncommitted > _COMMIT_BYTES or time.monotonic() - self._committed_s > _COMMIT_S:
            self.flush()

    @property
    def size(self) -> int:
        """The size of the database and its log so far, bytes."""
        log = self._path.with_name(f"{self.file_name}-wal")
        return sum(file.stat().st_size for file in (self._path, log) if file.exists())

    def flush(self) -> None:
        """Commit: after this a kill of the process loses none of these messages."""
        if self._connection.in_transaction:
            self._attempt("COMMIT")
        self._transaction.clear()
        self._committed_s, self._uncommitted = time.monotonic(), 0

    def close(self, metadata_text: str) -> None:
        """Write the buffered messages and the copy of metadata.yaml, and remove the -wal file."""
        self._reserve.give_back()
        self._execute(
            "INSERT INTO metadata(metadata_version, metadata) VALUES(?, ?)", (written_metadata.VERSION, metadata_text)
        )
        self.flush()
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        if self._fsync != "never":
            with self._path.open("rb") as file:
                os.fsync(file.fileno())

    def abandon(self) -> None:
        """Close the file; written messages stay."""
        with contextlib.suppress(sqlite3.Error):
            self.flush()
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")
        self._transaction.append((statement, values))
        self._attempt(statement, values)

    def _attempt(self, statement: str, values: tuple[object, ...] = ()) -> None:
        """Execute a statement. If the disk is full, do it again with the space of the reserve."""
        try:
            self._connection.execute(statement, values)
        except sqlite3.OperationalError as error:
            # Python 3.10 has no error codes. sqlite says "disk I/O error" if a write-ahead log cannot grow.
            if not any(text in str(error) for text in ("full", "disk I/O")) or not self._reserve.use():
                raise
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN")
            for one in self._transaction:
                self._connection.execute(*one)
            if statement == "COMMIT":
                self._connection.execute(statement)
