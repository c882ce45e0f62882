"""Reads an sqlite3 file of a rosbag2 recording, of any schema version."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aassl_ros.data.bags.damage import MAX_MESSAGE_BYTES, DamagedError, UnclosedError
from aassl_ros.data.bags.stored import StoredMessage, StoredTopic, normal_type
from aassl_ros.errors import first_line

MAGIC = b"SQLite format 3\0"
# What sqlite raises on a damaged file. Its own message may hold bytes of the file, which need not be UTF-8.
SQLITE_ERRORS = (sqlite3.Error, sqlite3.Warning, OverflowError, MemoryError, UnicodeDecodeError)
_MAX_TOPICS = 65536
_MAX_TEXT = 16 << 20
# Steps of sqlite's machine between two looks, and how many a query may take. A row takes some ten, and as many bytes.
_STEPS = 1_000_000
_STEPS_BASE = 10_000_000
_STEPS_A_BYTE = 10
_LENGTH_LIMIT = 0  # SQLITE_LIMIT_LENGTH


class SqliteFile:
    """A .db3 file that is open for reading; see stored.StorageFile. Raises UnclosedError or DamagedError.

    shown: the name of the file in errors, if it is a copy.
    lenient: for recovery: read only the topics at first, because messages may be damaged, and accept an unclosed file.
    """

    storage = "sqlite3"

    def __init__(self, path: Path, shown: Path | None = None, *, lenient: bool = False) -> None:
        self.path = shown or path
        self.metadata_text = ""
        self._size = path.stat().st_size
        self._check_magic(path)
        for suffix in ("-wal", "-journal"):
            beside = path.with_name(path.name + suffix)
            if beside.exists() and beside.stat().st_size and not lenient:
                raise UnclosedError(self.path, f"its last messages are still in {beside.name}")
        self._connection = connect(path)
        self._steps_left = 0
        self._connection.set_progress_handler(self._out_of_steps, _STEPS)
        try:
            self._read(lenient)
        except SQLITE_ERRORS as error:
            self._connection.close()
            raise DamagedError(self.path, first_line(error)) from error
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def messages(self, names: Collection[str], *, verify: bool = False) -> Iterator[StoredMessage]:
        """Yield the messages of these topics in order of receipt. verify: let sqlite check its pages first."""
        if verify:
            self._verify()
        ids = {number: topic for number, topic in self._topics.items() if topic.name in names}
        if not ids:
            return
        holes = ",".join("?" * len(ids))
        query = f"SELECT id, topic_id, timestamp, data FROM messages WHERE topic_id IN ({holes}) ORDER BY timestamp"
        for _, topic, log_ns, data in self._checked_rows(query, list(ids)):
            yield StoredMessage(log_ns, log_ns, ids[topic], data)

    def in_file_order(self) -> Iterator[tuple[int, StoredMessage]]:
        """Yield id and message of each row in the order of writing, without an index. Raises DamagedError at damage."""
        query = "SELECT id, topic_id, timestamp, data FROM messages NOT INDEXED ORDER BY id"
        for number, topic, log_ns, data in self._checked_rows(query, []):
            if topic in self._topics:
                yield number, StoredMessage(log_ns, log_ns, self._topics[topic], data)

    def last_number(self) -> int:
        """The highest id of a message; 0 if it cannot be read."""
        try:
            (number,) = self._execute("SELECT max(id) FROM messages", []).fetchone()
        except SQLITE_ERRORS:
            return 0
        return number if isinstance(number, int) else 0

    def _check_magic(self, path: Path) -> None:
        with path.open("rb") as stream:
            head = stream.read(len(MAGIC))
        if head != MAGIC:
            what = "the file is empty" if not head else "it does not begin as an sqlite3 file does"
            raise DamagedError(self.path, what, 0, recoverable=False)

    def _verify(self) -> None:
        try:
            (said,) = self._execute("PRAGMA quick_check(1)", []).fetchone()
        except SQLITE_ERRORS as error:
            raise DamagedError(self.path, first_line(error)) from error
        if said != "ok":
            raise DamagedError(self.path, str(said).splitlines()[-1])

    def _execute(self, query: str, values: list[int]) -> sqlite3.Cursor:
        """Start a query that takes no more steps than the rows of a file of this size need."""
        self._steps_left = _STEPS_BASE + _STEPS_A_BYTE * self._size
        return self._connection.execute(query, values)

    def _out_of_steps(self) -> bool:
        """Count steps; sqlite calls this. Pages that name each other have rows without end."""
        self._steps_left -= _STEPS
        return self._steps_left < 0

    def _checked_rows(self, query: str, values: list[int]) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield rows after checks of their types, and of their total size against the size of the file."""
        total = 0
        try:
            for number, topic, log_ns, data in self._execute(query, values):
                if not isinstance(topic, int) or not isinstance(log_ns, int) or not isinstance(data, bytes):
                    raise DamagedError(self.path, f"message {number} has values of other types than a message has")
                total += len(data) + 4
                if total > self._size:
                    raise DamagedError(self.path, f"its messages claim more than the {self._size} bytes of the file")
                yield number, topic, max(log_ns, 0), data
        except SQLITE_ERRORS as error:
            raise DamagedError(self.path, first_line(error)) from error

    def _read(self, lenient: bool) -> None:
        # Only plain tables: a view or virtual table with these names could run any query, without end.
        tables = self._rows("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
        names = {str(name) for (name,) in tables}
        if not {"topics", "messages"} <= names:
            raise DamagedError(self.path, "it has no tables of topics and messages, so it is no bag", recoverable=False)
        definitions = self._definitions() if "message_definitions" in names else {}
        self.message_count = 0
        self._topics: dict[int, StoredTopic] = {}
        counting = "SELECT topic_id, count(*) FROM messages GROUP BY topic_id"
        counts = {} if lenient else dict(self._rows(counting))
        columns = {row[1] for row in self._rows("PRAGMA table_info(topics)")}
        qos = "offered_qos_profiles" if "offered_qos_profiles" in columns else "''"
        digest = "type_description_hash" if "type_description_hash" in columns else "''"
        query = f"SELECT id, name, type, serialization_format, {qos}, {digest} FROM topics ORDER BY id"
        for number, name, kind, encoding, profiles, type_hash in self._rows(query):
            definition, definition_encoding = definitions.get(str(kind), ("", ""))
            self._topics[number] = StoredTopic(
                str(name),
                normal_type(str(kind)),
                str(encoding),
                definition.encode(errors="replace"),
                definition_encoding,
                str(profiles or ""),
                str(type_hash or ""),
                int(counts.get(number, 0)),
            )
        self.topics = tuple(self._topics.values())
        self.message_count = sum(topic.message_count or 0 for topic in self.topics)
        first, last = 0, 0
        if not lenient:
            first, last = next(iter(self._rows("SELECT min(timestamp), max(timestamp) FROM messages")))
        self.start_ns = first if isinstance(first, int) else 0
        self.end_ns = last if isinstance(last, int) else 0
        self.tells_of_closing = "metadata" in names
        if self.tells_of_closing:
            for (text,) in self._rows("SELECT metadata FROM metadata ORDER BY id DESC LIMIT 1"):
                self.metadata_text = str(text)

    def _definitions(self) -> dict[str, tuple[str, str]]:
        query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
        return {str(kind): (str(text), str(encoding)) for kind, encoding, text in self._rows(query)}

    def _rows(self, query: str) -> list[Any]:
        rows = self._execute(query, []).fetchmany(_MAX_TOPICS + 1)
        characters = sum(len(value) for row in rows for value in row if isinstance(value, str))
        if len(rows) > _MAX_TOPICS or characters > _MAX_TEXT:
            raise DamagedError(self.path, "its tables of topics and types are larger than those of any bag")
        return rows


def connect(path: Path, *, immutable: bool = True) -> sqlite3.Connection:
    """A connection to a file. immutable: read only, without using or making other files beside it."""
    mode = "mode=ro&immutable=1" if immutable else "mode=rw"
    # isolation_level None: no implicit transactions. Reading may continue in another thread.
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{mode}", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = lambda text: text.decode(errors="replace")
    if hasattr(connection, "setlimit"):  # from Python 3.11 on
        connection.setlimit(_LENGTH_LIMIT, MAX_MESSAGE_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection
