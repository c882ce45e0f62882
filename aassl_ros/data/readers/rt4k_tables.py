"""Reads RT4K's tables, which describe each picture, and its pictures, from data.h5 or from files.

Format from the authors' code (github trieschlab/AASSL, utils/datasets.py): dataset.parquet lists the training pictures
and dataset_test.parquet the test pictures. Columns by number: 0 file name, 2 object, 3 background, 5 category. With
data.h5, h5_index is the number of the encoded picture in its set "train" or "test". Without it, the file is
OBJECT/NAME. The generator of the predecessor data set (github trieschlab/TimeToAugmentSSL,
SSLTT_tdw/envs/full_play.py) wrote the same columns as .csv, without a header line, and named files
OBJECT_VIEW_ORIENTATION_PLACE.png.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from aassl_ros.data.pictures.pictures import Picture
from aassl_ros.data.readers.published import is_within
from aassl_ros.errors import DataError, first_line

PICTURES = "data.h5"
SETS = {"train": "dataset", "test": "dataset_test"}
COLUMNS = ("0", "2", "3", "5")
INDEX = "h5_index"


@dataclass(frozen=True)
class Row:
    """One picture. index: its number in data.h5; -1 if pictures are files."""

    file: str
    object: str
    background: str
    category: str
    index: int = -1


def table_file(folder: Path, name: str) -> Path | None:
    """The table of the set "train" or "test": .parquet, else .csv; None if there is neither."""
    files = (folder / f"{SETS[name]}{suffix}" for suffix in (".parquet", ".csv"))
    return next((file for file in files if file.is_file()), None)


def read_table(file: Path, with_index: bool) -> list[Row]:
    """Read the rows of a table. Raises DataError if it is damaged or has other columns."""
    columns = _read_parquet(file, with_index) if file.suffix == ".parquet" else _read_csv(file, with_index)
    if not columns[0]:
        raise DataError(f"{file} lists no picture.")
    return [
        Row(str(name), str(thing), str(background), str(category), *index)
        for name, thing, background, category, *index in zip(*columns, strict=True)
    ]


def _read_parquet(file: Path, with_index: bool) -> list[list[Any]]:
    names = [*COLUMNS, INDEX] if with_index else [*COLUMNS]
    pyarrow = _needed("pyarrow", file)
    parquet = importlib.import_module("pyarrow.parquet")
    try:
        found = parquet.read_schema(file).names
        missing = [name for name in names if name not in found]
        if missing:
            raise DataError(f"{file} has no column {missing[0]!r} (found: {', '.join(found)}): is this RT4K?")
        table = parquet.read_table(file, columns=names)
        return [table.column(name).to_pylist() for name in names]
    except (OSError, pyarrow.lib.ArrowException) as error:
        raise DataError(f"{file} is damaged ({first_line(error)}). Download it again.") from error


def _read_csv(file: Path, with_index: bool) -> list[list[Any]]:
    if with_index:
        raise DataError(f"{file} does not give the numbers of the pictures in {PICTURES}. Use the .parquet tables.")
    try:
        with open(file, newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.reader(stream) if row]
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{file} is damaged ({error}). Download it again.") from error
    width = max(int(name) for name in COLUMNS) + 1
    for number, row in enumerate(rows, start=1):
        if len(row) < width:
            raise DataError(f"{file}, row {number}: {len(row)} cells, expected {width} or more: is this RT4K?")
    return [[row[int(name)] for row in rows] for name in COLUMNS]


class PictureFiles:
    """Pictures that are files OBJECT/NAME in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, rows: Sequence[Row]) -> Sequence[Picture]:
        """The pictures of these rows. Raises DataError if one is missing."""
        paths = [self._folder / row.object / row.file for row in rows]
        for row, path in zip(rows, paths, strict=True):
            if not is_within(f"{row.object}/{row.file}") or not path.is_file():
                raise DataError(f"{self._folder}: picture {row.object}/{row.file} is missing.")
        return paths


class StoredPictures:
    """Pictures of one set in data.h5, each an array of the bytes of its file."""

    def __init__(self, file: Path, name: str) -> None:
        """Open the file. Raises DataError if it is damaged or lacks the set."""
        h5py = _needed("h5py", file)
        try:
            opened = h5py.File(file, "r")
            found: Any = opened.get(name)
        except OSError as error:
            raise DataError(f"{file} is damaged ({error}). Download it again.") from error
        if not isinstance(found, h5py.Dataset):
            raise DataError(f"{file} has no set {name!r} (found: {', '.join(opened) or 'none'}): is this RT4K?")
        self._file, self._name, self._bytes = file, name, found

    def of(self, rows: Sequence[Row]) -> Sequence[Picture]:
        """The pictures of these rows. Raises DataError if one is missing."""
        for row in rows:
            if not 0 <= row.index < len(self._bytes):
                raise DataError(
                    f"{self._file}: {row.file} has number {row.index}, but the set {self._name} has only "
                    f"{len(self._bytes)} pictures. Download {PICTURES} and the tables again."
                )
        return _Stored(self, tuple(row.index for row in rows))

    def read(self, index: int) -> bytes:
        try:
            return np.asarray(self._bytes[index]).tobytes()
        except OSError as error:
            raise DataError(f"{self._file} is damaged ({error}). Download it again.") from error

    def __str__(self) -> str:
        return f"{self._file}, set {self._name}"


@dataclass(frozen=True)
class StoredPicture:
    """One picture of data.h5: a Picture (see pictures.py)."""

    pictures: StoredPictures
    index: int

    def read_bytes(self) -> bytes:
        """The bytes of the encoded picture. Raises DataError if they cannot be read."""
        return self.pictures.read(self.index)

    def __str__(self) -> str:
        return f"{self.pictures}, number {self.index}"


@dataclass(frozen=True)
class _Stored(Sequence[Picture]):
    """Some of the stored pictures, made on access."""

    pictures: StoredPictures
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> StoredPicture: ...
    @overload
    def __getitem__(self, index: slice) -> _Stored: ...
    def __getitem__(self, index: int | slice) -> StoredPicture | _Stored:
        if isinstance(index, slice):
            return _Stored(self.pictures, self.indices[index])
        return StoredPicture(self.pictures, self.indices[index])


def _needed(package: str, file: Path) -> Any:
    """Import an optional package when it is first needed. Raises DataError if it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise DataError(
            f"{file.name} needs {package}, which is not installed: pip install 'aassl_ros[datasets]'."
        ) from error
