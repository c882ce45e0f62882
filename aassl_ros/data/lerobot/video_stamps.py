"""Reads the stamps of a video: from a CSV, JSON or Parquet file, or the times in the video plus an offset."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.lerobot.optional import load
from aassl_ros.data.lerobot.video_reader import times_s
from aassl_ros.errors import DataError, first_line

SUFFIXES = (".csv", ".json", ".parquet")
VIDEO_SUFFIXES = (".mp4", ".mkv")
# Name of a column -> ns for each of its units.
_UNITS = {"stamp_ns": 1, "timestamp_ns": 1, "stamps_ns": 1, "stamp_s": 10**9, "timestamp": 10**9, "stamps_s": 10**9}


def from_file(path: Path) -> NDArray[np.int64]:
    """Read stamps from a file.

    Args:
        path: a CSV, JSON or Parquet file with the column or key stamp_ns (or timestamp_ns), or stamp_s (or timestamp).
            A CSV without a header, and a JSON list, hold one number a picture: whole ones are ns, others s.

    Returns:
        int64 [F], ns.

    Raises:
        DataError: it is missing or holds something else.
    """
    try:
        if path.suffix == ".csv":
            return _numbers(path, *_from_csv(path))
        if path.suffix == ".json":
            return _numbers(path, *_from_table(path, json.loads(path.read_text(encoding="utf-8"))))
        if path.suffix == ".parquet":
            table = load("pyarrow.parquet").read_table(path)
            held = {name: table.column(name).to_pylist() for name in table.column_names if name in _UNITS}
            return _numbers(path, *_from_table(path, held))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {first_line(error)}.") from error
    raise DataError(f"{path} is none of {', '.join(SUFFIXES)}: it cannot hold the stamps of a video.")


def from_container(video: Path, offset_s: float) -> NDArray[np.int64]:
    """The times in the video plus an offset, int64 [F], ns. Raises DataError."""
    offset_ns = round(offset_s * 1e9)
    return np.array([offset_ns + round(time * 1e9) for time in times_s(video)], np.int64)


def check(video: Path, stamps: NDArray[np.int64], source: str) -> None:
    """Raise DataError if a video has another number of pictures than stamps, or stamps do not rise."""
    pictures = len(times_s(video))
    if pictures != len(stamps):
        raise DataError(f"{video} holds {pictures} pictures, but {source} holds {len(stamps)} stamps.")
    backward = np.flatnonzero(np.diff(stamps) <= 0)
    if len(backward):
        place = int(backward[0])
        raise DataError(f"{source}: stamp {place + 2} ({stamps[place + 1]} ns) is not after the one before it.")


def _from_csv(path: Path) -> tuple[list[Any], int | None]:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if rows and any(name.strip() in _UNITS for name in rows[0]):
        names = [name.strip() for name in rows[0]]
        column = next(place for place, name in enumerate(names) if name in _UNITS)
        if short := next((number for number, row in enumerate(rows) if len(row) <= column), None):
            raise DataError(f"{path}: line {short + 1} has no {names[column]}.")
        return [row[column] for row in rows[1:]], _UNITS[names[column]]
    if any(len(row) != 1 for row in rows):
        raise DataError(f"{path} has no column named one of {', '.join(_UNITS)}.")
    return [row[0] for row in rows], None


def _from_table(path: Path, held: Any) -> tuple[list[Any], int | None]:
    if isinstance(held, list):
        return held, None
    name = next((name for name in _UNITS if isinstance(held, dict) and isinstance(held.get(name), list)), None)
    if name is None:
        raise DataError(f"{path} has no list named one of {', '.join(_UNITS)}.")
    return list(held[name]), _UNITS[name]


def _numbers(path: Path, values: Iterable[Any], unit: int | None) -> NDArray[np.int64]:
    """Convert to ns exactly: a float64 of s since 1970 has steps of 200 ns, so text and whole numbers stay whole."""
    texts = [str(value).strip() for value in values]
    if unit is None:
        unit = 1 if all(text.lstrip("-").isdigit() for text in texts) else 10**9
    try:
        found = [_in_ns(text, unit) for text in texts]
        return np.array(found, np.int64)
    except (ValueError, OverflowError) as error:
        wrong = next((text for text in texts if not _is_number(text)), texts[0] if texts else "nothing")
        raise DataError(f"{path}: {wrong[:40]!r} is no stamp, expected numbers.") from error


def _in_ns(text: str, unit: int) -> int:
    if text.lstrip("-").isdigit():
        return int(text) * unit
    whole, point, rest = text.partition(".")
    if point and unit == 10**9 and whole.isdigit() and rest.isdigit():
        return int(whole) * unit + int(rest[:9].ljust(9, "0"))
    number = float(text)
    if not np.isfinite(number):
        raise ValueError(text)
    return round(number * unit)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
