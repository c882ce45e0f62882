"""Reads all messages that are readable in a damaged or unclosed sqlite3 file, in the order of writing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from aassl_ros.data.bags.damage import DamagedError
from aassl_ros.data.bags.recovered import Recovered
from aassl_ros.data.bags.sqlite_file import SQLITE_ERRORS, SqliteFile, connect
from aassl_ros.data.bags.stored import StoredMessage
from aassl_ros.errors import first_line

_BESIDE = ("-wal", "-journal")


class SqliteSalvage:
    """Reads one file. scratch: a folder for a copy, which is needed if there is a -wal or -journal file."""

    def __init__(self, path: Path, report: Recovered, scratch: Path) -> None:
        self._path, self._report = path, report
        beside = [path.with_name(path.name + suffix) for suffix in _BESIDE]
        if any(file.exists() and file.stat().st_size for file in beside):
            # Use a copy, because sqlite would change the original.
            report.whole = False
            for file in (path, *beside):
                if file.exists():
                    shutil.copyfile(file, scratch / file.name)
            path = scratch / path.name
            _settle(path, report)
        self._file = SqliteFile(path, self._path, lenient=True)
        self.metadata_text = self._file.metadata_text
        # The copy of the metadata is written last. Older recorders have no such table, only metadata.yaml.
        if (
            self._file.tells_of_closing
            and not self.metadata_text
            and not (self._path.parent / "metadata.yaml").is_file()
        ):
            report.whole = False

    def contents(self) -> Iterator[StoredMessage]:
        """Yield the readable messages. The report counts the others."""
        numbers = 0
        try:
            for _, message in self._file.in_file_order():
                numbers += 1
                yield message
        except DamagedError as error:
            self._report.note(str(error))
            self._report.whole = False
            self._report.discarded_messages += max(0, self._last_number() - numbers)
        finally:
            self._file.close()

    def _last_number(self) -> int:
        """The number of messages written, if their ids can still be read: they count up from 1."""
        size = self._path.stat().st_size
        return min(self._file.last_number(), size)


def _settle(path: Path, report: Recovered) -> None:
    """Merge the -wal or -journal file into the copy, and drop what was not committed."""
    try:
        connection = connect(path, immutable=False)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        finally:
            connection.close()
    except SQLITE_ERRORS as error:
        report.note(f"{path.name}: its -wal or -journal file cannot be merged ({first_line(error)}).")
