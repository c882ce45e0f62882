"""Reads frames.csv: its columns, and their cells as text, numbers and stamps. Each error names the line."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError

REQUIRED = ("episode", "instance", "category", "stamp", "image")
POSITION = ("pose.x", "pose.y", "pose.z")
QUATERNION = ("pose.qx", "pose.qy", "pose.qz", "pose.qw")
GROUPS = ("joint", "command", "action")
SPLIT = "split"
_OTHER_SEPARATORS = {"semicolons (';')": ";", "tabs": "\t", "vertical bars ('|')": "|"}
_LARGEST_STAMP_S = 9_000_000_000
"""Slightly less than the largest int64 number of nanoseconds."""


@dataclass(frozen=True)
class FramesTable:
    """The rows of frames.csv, and the line number of each. Errors are DataErrors that name the line."""

    path: Path
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    @classmethod
    def read(cls, path: Path) -> FramesTable:
        """Read the file and check its header. Raises DataError if it is not a table of the expected columns."""
        try:
            with open(path, newline="", encoding="utf-8-sig") as stream:
                reader = csv.reader(stream, skipinitialspace=True)
                header = tuple(name.strip() for name in next(reader, []))
                _check_separator(path, header)
                rows, lines = [], []
                for row in reader:
                    if not any(cell.strip() for cell in row):
                        continue
                    if len(row) != len(header):
                        where = f"{path}, line {reader.line_num}"
                        raise DataError(f"{where}: {len(row)} cells, expected {len(header)} as in the first line.")
                    rows.append([cell.strip() for cell in row])
                    lines.append(reader.line_num)
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}).") from error
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path} is not a table of comma-separated UTF-8 text ({error}).") from error
        table = cls(path, header, rows, lines)
        table._check_header()
        return table

    def _check_header(self) -> None:
        missing = [name for name in REQUIRED if name not in self.header]
        if missing:
            found = ", ".join(self.header) or "nothing"
            raise DataError(f"{self.path} has no column {missing[0]!r} (found: {found}). Add it to the first line.")
        twice = [name for index, name in enumerate(self.header) if name in self.header[:index]]
        if twice:
            raise DataError(f"{self.path} has two columns {twice[0]!r}. Remove one.")
        for part in (POSITION, QUATERNION):
            absent = [name for name in part if name not in self.header]
            if absent and len(absent) < len(part):
                expected = f"expected all of {', '.join(part)}, or none of them"
                raise DataError(f"{self.path} has no column {absent[0]!r}: {expected}.")
        if not self.rows:
            raise DataError(f"{self.path} lists no picture: it has no row below the first line.")

    def unused(self) -> list[str]:
        """The columns that are not used."""
        known = {*REQUIRED, *POSITION, *QUATERNION, SPLIT}
        return [name for name in self.header if name not in known and name.split(".")[0] not in GROUPS]

    def notes(self) -> tuple[str, ...]:
        """One line that names the columns which are not used, if there are any."""
        unused = self.unused()
        return (f"not used: column {', '.join(unused)}",) if unused else ()

    def column(self, name: str) -> list[str]:
        """The cells of a required column. Raises DataError if one is empty; only a category may be empty."""
        at = self.header.index(name)
        cells = [row[at] for row in self.rows]
        if name != "category" and "" in cells:
            raise DataError(f"{self.at(cells.index(''))}: {name} is empty, expected one in every row.")
        return cells

    def named(self, group: str) -> tuple[str, ...]:
        """The NAMEs of the columns GROUP.NAME, in alphabetical order."""
        start = f"{group}."
        names = sorted(name[len(start) :] for name in self.header if name.startswith(start))
        if "" in names:
            raise DataError(f"{self.path} has a column {start!r} without a name after the dot.")
        return tuple(names)

    def numbers(self, names: Iterable[str]) -> NDArray[np.float64]:
        """The cells of these columns, float64 [rows, columns]; NaN for an empty cell.

        Raises DataError if a cell is not a finite number.
        """
        columns = []
        for name in names:
            at = self.header.index(name)
            cells = [row[at] for row in self.rows]
            values = np.fromiter((_number(cell) for cell in cells), np.float64, len(cells))
            wrong = np.flatnonzero(np.isinf(values))
            if len(wrong):
                found = cells[wrong[0]]
                raise DataError(f"{self.at(wrong[0])}: {name} = {found!r}, expected a number, or nothing if unknown.")
            columns.append(values)
        return np.stack(columns, axis=1) if columns else np.zeros((len(self.rows), 0))

    def stamps_ns(self) -> NDArray[np.int64]:
        """The stamps of all rows, int64 [rows], ns. Raises DataError if one is not a number of seconds."""
        stamps = np.zeros(len(self.rows), np.int64)
        for index, cell in enumerate(self.column("stamp")):
            try:
                seconds = Decimal(cell)
            except InvalidOperation:
                seconds = Decimal("nan")
            if not seconds.is_finite() or abs(seconds) > _LARGEST_STAMP_S:
                raise DataError(f"{self.at(index)}: stamp = {cell!r}, expected a number of seconds.")
            stamps[index] = int(seconds * 1_000_000_000)
        return stamps

    def at(self, index: int | np.int64) -> str:
        """The file and line number of a row, for error messages."""
        return f"{self.path}, line {self.lines[index]}"


def _check_separator(path: Path, header: tuple[str, ...]) -> None:
    """Raise DataError if the first line is separated by another character than the comma."""
    for name, separator in _OTHER_SEPARATORS.items():
        cells = [cell.strip(' "') for line in header for cell in line.split(separator)]
        if len(cells) > len(header) and set(REQUIRED) & set(cells) - set(header):
            raise DataError(
                f"{path} is separated by {name}, expected commas. Save it as comma-separated values, with a point in "
                "decimal numbers."
            )


def _number(cell: str) -> float:
    """The number in a cell: NaN if it is empty or "nan", infinity if it is not a number."""
    try:
        return float(cell) if cell else float("nan")
    except ValueError:
        return float("inf")
