"""Reads labels of many episodes from a CSV file, made by hand or exported from a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aassl_ros.data.bags.labelling import Label
from aassl_ros.data.interfaces.json_catalogue import SETS
from aassl_ros.errors import BagError

_RANGES = {"frames": ("start_frame", "stop_frame"), "seconds": ("start_s", "stop_s"), "stamps": ("start_ns", "stop_ns")}
_LABEL = ("instance", "category", "set", "discard")
COLUMNS = ("bag", "episode", *(name for pair in _RANGES.values() for name in pair), *_LABEL)
_MOST_BYTES = 1 << 24
_YES_NO = {"": None, "1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


@dataclass(frozen=True)
class LabelRow:
    """One row: an episode that exists (`episode`) or a range START:STOP in a unit, and its label.

    where: file and line, for error messages. bag: name of the bag; empty: the only one.
    """

    where: str
    bag: str
    episode: str
    range: str
    unit: str
    label: Label


def read_label_table(path: Path) -> list[LabelRow]:
    """Read a table of labels.

    Args:
        path: a CSV file with a header. Columns: `episode`, or a start and a stop in one unit (start_frame, stop_frame;
            start_s, stop_s; start_ns, stop_ns); and instance, category, set, discard, bag, as far as needed.

    Returns:
        Its rows in order.

    Raises:
        BagError: the file cannot be read, a column is unknown, or a value is wrong; the message names the line.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BagError(f"{path} has {path.stat().st_size} bytes, expected at most {_MOST_BYTES}.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, skipinitialspace=True, strict=True)
            unit = _unit(path, tuple(table.fieldnames or ()))
            rows = [_row(f"{path} line {table.line_num}", row, unit) for row in table if any(row.values())]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BagError(f"{path} cannot be read as CSV: {error}.") from error
    if not rows:
        raise BagError(f"{path} holds no rows, expected a header and one row for each episode.")
    return rows


def _unit(path: Path, columns: tuple[str, ...]) -> str:
    """The unit of the ranges; empty if rows name episodes only."""
    for column in columns:
        if column not in COLUMNS:
            raise BagError(f"{path}: unknown column {column!r}, expected some of {', '.join(COLUMNS)}.")
    if len(set(columns)) < len(columns):
        raise BagError(f"{path}: a column is there twice.")
    units = [unit for unit, pair in _RANGES.items() if set(pair) & set(columns)]
    complete = all(set(_RANGES[unit]) <= set(columns) for unit in units)
    if len(units) > 1 or not complete or (not units and "episode" not in columns):
        pairs = "; ".join(", ".join(pair) for pair in _RANGES.values())
        raise BagError(f"{path}: expected the column episode, or start and stop in one unit ({pairs}).")
    return units[0] if units else ""


def _row(where: str, row: Mapping[str, str | None], unit: str) -> LabelRow:
    if None in row or None in row.values():  # so csv says that a row is longer or shorter than the header
        raise BagError(f"{where}: the row has another number of values than the header.")
    values = {name: (value or "").strip() for name, value in row.items()}
    given = {name: values.get(name) or None for name in _LABEL}
    if given["set"] not in (None, *SETS):
        raise BagError(f"{where}: set = {given['set']!r}, expected one of {', '.join(SETS)}.")
    discard = (given["discard"] or "").lower()
    if discard not in _YES_NO:
        raise BagError(f"{where}: discard = {given['discard']!r}, expected yes or no.")
    label = Label(given["instance"], given["category"], given["set"], _YES_NO[discard])
    sides = [values[name] for name in _RANGES[unit]] if unit else ["", ""]
    episode = values.get("episode", "")
    if episode and any(sides):
        raise BagError(f"{where}: both an episode and a range, expected one of them.")
    if not episode and not unit:
        raise BagError(f"{where}: the episode is missing.")
    return LabelRow(where, values.get("bag", ""), episode, "" if episode else ":".join(sides), unit, label)
