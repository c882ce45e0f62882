"""Finds the files of a bag: a folder, one file or several, with or without metadata.yaml, compressed or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aassl_ros.data.bags.damage import DamagedError
from aassl_ros.data.bags.decompression import FILE_SUFFIXES, expand_file
from aassl_ros.data.bags.mcap_file import McapFile
from aassl_ros.data.bags.metadata import FILE_NAME, Metadata, read_metadata
from aassl_ros.data.bags.rosbag1_file import Rosbag1File
from aassl_ros.data.bags.sqlite_file import SqliteFile
from aassl_ros.data.bags.stored import StorageFile
from aassl_ros.errors import BagError

STORAGE_SUFFIXES = (".mcap", ".db3", ".bag")
_EXPECTED = "a folder of rosbag2, or .mcap, .db3 or .bag files"


@dataclass(frozen=True)
class BagFiles:
    """The files of one recording, in order. metadata: None if there is no metadata.yaml."""

    path: Path
    files: tuple[Path, ...]
    metadata: Metadata | None = None


def find_files(bag: Path | Sequence[Path]) -> BagFiles:
    """Find the files of a bag. Raises BagError if there are none, DamagedError if metadata.yaml is wrong."""
    if not isinstance(bag, Path):
        paths = tuple(bag)
        if len(paths) != 1:
            return _files_alone(paths)
        bag = paths[0]
    try:
        if not bag.exists():
            raise BagError(f"There is no bag {bag}.")
        return _folder(bag) if bag.is_dir() else _files_alone((bag,))
    except OSError as error:
        raise BagError(f"{bag} cannot be read: {error.strerror}.") from error


def recordings(paths: Sequence[Path]) -> list[Path | tuple[Path, ...]]:
    """The bags among paths: folders as they are, files of one folder and name (NAME_0, NAME_1) as one recording."""
    found: dict[tuple[Path, str, str], list[Path]] = {}
    for path in paths:
        stem = path.name if path.is_dir() else re.sub(r"_\d+$", "", Path(plain_name(path)).stem)
        kind = "" if path.is_dir() else Path(plain_name(path)).suffix
        found.setdefault((path.parent, stem, kind), []).append(path)
    return [files[0] if len(files) == 1 else tuple(files) for files in found.values()]


def open_file(path: Path, scratch: TemporaryDirectory[str] | None) -> StorageFile:
    """Open a file for reading. scratch: the folder into which a compressed file is decompressed."""
    plain, shown = plain_name(path), path
    if plain != path.name:
        assert scratch is not None
        expanded = Path(scratch.name) / plain
        expand_file(path, expanded)
        path = expanded
    try:
        if path.suffix == ".mcap":
            return McapFile(path, shown)
        return SqliteFile(path, shown) if path.suffix == ".db3" else Rosbag1File(path, shown)
    except OSError as error:
        raise BagError(f"{shown} cannot be read: {error.strerror or error}.") from error


def plain_name(path: Path) -> str:
    """The name of a file without a compression suffix."""
    return path.stem if path.suffix in FILE_SUFFIXES else path.name


def is_storage_file(path: Path) -> bool:
    """Whether a file, by its name, contains messages."""
    return Path(plain_name(path)).suffix in STORAGE_SUFFIXES


def storage_files(folder: Path) -> list[Path]:
    """The files with messages in a folder, in numeric order: bag_2 before bag_10."""
    found = [path for path in folder.iterdir() if is_storage_file(path) and path.is_file()]
    return sorted(found, key=lambda path: [int(part) if part.isdecimal() else part for part in _parts(path)])


def _parts(path: Path) -> list[str]:
    # Text and numbers alternate, so that two names can be compared part by part.
    return re.split(r"(\d+)", path.name)


def _files_alone(paths: tuple[Path, ...]) -> BagFiles:
    for path in paths:
        if not path.exists():
            raise BagError(f"There is no bag {path}.")
        if path.is_dir() or not is_storage_file(path):
            raise BagError(f"{path} is no file of a bag, expected {_EXPECTED}.")
    if not paths:
        raise BagError(f"No bag was named, expected {_EXPECTED}.")
    kinds = {Path(plain_name(path)).suffix for path in paths}
    if len(kinds) > 1:
        raise BagError(f"The files of one bag are of one kind, found {', '.join(sorted(kinds))}: name them one by one.")
    return BagFiles(paths[0], paths)


def _folder(folder: Path) -> BagFiles:
    held = storage_files(folder)
    described = folder / FILE_NAME
    if not described.is_file():
        if not held:
            raise BagError(f"{folder} holds no {FILE_NAME} and no .mcap, .db3 or .bag file: it is no bag.")
        return BagFiles(folder, _files_alone(tuple(held)).files)
    metadata = read_metadata(described)
    if not metadata.files:
        return BagFiles(folder, tuple(held), metadata)
    files = []
    for name in metadata.files:
        # A file that was compressed or decompressed after the recording has another suffix than in the metadata.
        choices = [name, plain_name(Path(name)), *(f"{plain_name(Path(name))}{suffix}" for suffix in FILE_SUFFIXES)]
        file = next((folder / choice for choice in choices if (folder / choice).is_file()), None)
        if file is None:
            raise DamagedError(described, f"it names the file {name[:200]!r}, which is not there")
        if not is_storage_file(file):
            raise DamagedError(described, f"it names the file {name[:200]!r}, which is none of {_EXPECTED}")
        files.append(file)
    return BagFiles(folder, tuple(files), metadata)
