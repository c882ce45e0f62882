"""Parts of prepared data: each source is prepared alone, verified by a digest before it is used again, then joined.

While `aassl prepare` runs, parts lie in `.NAME.parts` beside the output NAME, one folder for each source. After an
interruption the finished ones are there for the next run. The finished data have a list of their parts, so that a
later run with more bags takes the old ones from there.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.data.prepare.part_report import PartReport
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.selection import select_frames
from aassl_ros.data.prepared.writer import PreparedWriter
from aassl_ros.errors import DataError
from aassl_ros.files import open_locked, write_whole

PARTS = "parts"
"""The key of the list of parts in the facts of prepared data."""
# Raise this number if the same source and settings give other frames or states than before.
_VERSION = 1
_PICTURES_VERSION = 2  # the same for picture folders: 2 decodes large JPEG at a part of its size
_RECORD, _DATA, _LOCK = "part.json", "data", ".lock"
_NAMES = ("joint_names", "command_names", "recorded_names")
_ARRAYS = ("stamps_ns", "joint_position", "joint_command", "object_pose", "tip_pose", "recorded")
_BLOCK = 256  # frames hashed at once


@dataclass(frozen=True)
class Part:
    """One source, prepared. key: a hash of source and settings. digest: a hash of data and report."""

    key: str
    digest: str
    data: PreparedData
    report: PartReport

    def to_json(self, start: int) -> dict[str, Any]:
        """The part as an entry of the list in the joined data. start: its first frame there."""
        names = {name: list(getattr(self.data, name)) for name in _NAMES}
        place = {"start": start, "stop": start + len(self.data)}
        return {"key": self.key, "digest": self.digest, **place, **names, "report": self.report.to_json()}


def part_key(fingerprint: str, settings: PrepareSettings, name: str = "") -> str:
    """The key of a part: equal for the same source and settings.

    Args:
        fingerprint: of the source's content.
        settings: of prepare.
        name: of a picture folder, which becomes the name of its robot.
    """
    version = _PICTURES_VERSION if name else _VERSION
    parts = {"version": version, "source": fingerprint, "settings": settings.key(), "name": name}
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _place(out: Path) -> Path:
    return out.with_name(f".{out.name}.parts")


def finished_parts(out: Path) -> int:
    """The number of parts for the output `out` that are finished, but not yet joined."""
    return sum(1 for _ in _place(out).glob(f"*/{_RECORD}"))


class PartStore:
    """The folder of finished parts beside an output. Use it in a `with` block: only one process may have it."""

    def __init__(self, out: Path) -> None:
        """out: the output. Raises DataError if another process prepares it, or the folder cannot be written."""
        self.path = _place(out)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = open_locked(self.path / _LOCK)
        except OSError as error:
            raise DataError(
                f"{out} cannot be written ({error.strerror}). Free space or choose another folder."
            ) from error
        if lock is None:
            raise DataError(f"another aassl prepare is writing {out}. Wait for it, or choose another folder.")
        self._lock = lock

    def __enter__(self) -> PartStore:
        return self

    def __exit__(self, *error: object) -> None:
        """Remove what is incomplete; and the folder, if it holds no part."""
        for folder in self._folders():
            if not (folder / _RECORD).is_file():
                shutil.rmtree(folder, ignore_errors=True)
        if not self._folders():
            self.remove()
        self._lock.close()

    def folder(self, key: str) -> Path:
        """The folder of a part."""
        return self.path / key

    def open(self, key: str) -> Part | None:
        """The part of this key, if it is finished and its digest is right; else None."""
        folder = self.folder(key)
        try:
            record = json.loads((folder / _RECORD).read_text())
            return _verified(key, record, PreparedData.open(folder / _DATA))
        except (OSError, ValueError, KeyError, TypeError, DataError):
            return None

    def clear(self) -> None:
        """Remove all parts."""
        for folder in self._folders():
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """Remove the folder with all parts."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return [path for path in self.path.iterdir() if path.is_dir()] if self.path.is_dir() else []


@contextlib.contextmanager
def new_part(folder: Path, key: str, image_size: int) -> Iterator[PartWriter]:
    """Write a part to a folder. It is finished when the block ends without an exception."""
    shutil.rmtree(folder, ignore_errors=True)
    part = PartWriter()
    with PreparedWriter(folder / _DATA, image_size) as writer:
        part.writer = writer
        yield part
        writer.finish(key, continuous_joints=part.report.continuous_joints)
    digest = _digest(PreparedData.open(folder / _DATA), part.report)
    try:
        write_whole(folder / _RECORD, json.dumps({"digest": digest, "report": part.report.to_json()}))
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({error.strerror}). Free space or choose another folder."
        ) from error


class PartWriter:
    """What a part is made of: frames and episodes are given to `writer`, and `report` is set at the end."""

    writer: PreparedWriter
    report: PartReport = PartReport()


def parts_of(out: Path, keys: set[str]) -> dict[str, Part]:
    """The parts with these keys in data that were made before, each verified by its digest. Damaged data have none."""
    found: dict[str, Part] = {}
    try:
        data = PreparedData.open(out)
        for entry in data.facts.get(PARTS, ()):
            if entry["key"] in keys and (part := _part_inside(data, entry)):
                found[part.key] = part
    except (DataError, KeyError, TypeError, ValueError):
        pass
    return found


def _part_inside(data: PreparedData, entry: Mapping[str, Any]) -> Part | None:
    start, stop = int(entry["start"]), int(entry["stop"])
    names = {name: tuple(entry[name]) for name in _NAMES}
    return _verified(str(entry["key"]), entry, select_frames(data, start, stop, **names))


def _verified(key: str, record: Mapping[str, Any], data: PreparedData) -> Part | None:
    report = PartReport.from_json(record["report"])
    digest = _digest(data, report)
    return Part(key, digest, data, report) if digest == record["digest"] else None


def _digest(data: PreparedData, report: PartReport) -> str:
    """A hash of all frames, states and episodes, and of the report."""
    digest = sha256()
    start = data.episodes[0].start if data.episodes else 0
    rows = [[*list(vars(row).values())[:-2], row.start - start, row.stop - start] for row in data.episodes]
    names = [list(getattr(data, name)) for name in _NAMES]
    digest.update(json.dumps([data.image_size, names, rows, report.to_json()]).encode())
    for first in range(0, len(data), _BLOCK):
        digest.update(np.ascontiguousarray(data.frames[first : first + _BLOCK]).data)
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(getattr(data, name)).tobytes())
    return digest.hexdigest()
