"""The folder of taught objects: gallery.json, and one PNG file for each picture."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.gallery.lessons import (
    Change,
    Lesson,
    Lessons,
    added,
    clean_name,
    deleted,
    merged,
    pictures_of,
    renamed,
    undone,
)
from aassl_ros.data.interfaces.json_files import GALLERY_FILE
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.errors import DataError
from aassl_ros.files import write_whole

TABLE = "gallery.json"
BACKUP = "gallery.backup.json"
"""The table before the last change, which is read if the newest one is damaged."""
PICTURES = "pictures"
# Old changes cannot be undone; their pictures are removed.
_MOST_CHANGES = 50
_BYTES_PER_CHARACTER = 4


class TaughtPictures(NamedTuple):
    """G labelled pictures: uint8 [S, S, 3] RGB each, with the category and the object of each."""

    frames: tuple[NDArray[np.uint8], ...]
    categories: tuple[str, ...]
    instances: tuple[str, ...]


class GalleryStore:
    """The lessons in a folder. Each change is on the disk, completely or not at all, when its method returns.

    Any thread may call the methods. Only one process may have a folder open.

    Args:
        folder: it is made with the first lesson.
        before_first: called once, before the first lesson is written; it may raise DataError.

    Attributes:
        problems: what was damaged and left out, a line each.

    Raises:
        DataError: the folder's table and its backup are damaged.
    """

    def __init__(self, folder: Path, before_first: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self._lock = threading.Lock()
        self._before_first: Callable[[], None] | None = before_first
        self._pictures_read: dict[tuple[str, int], NDArray[np.uint8]] = {}  # those of the last call
        self._lessons, self._changes = self._read()

    @property
    def lessons(self) -> Lessons:
        """All lessons, in the order in which they were taught."""
        return self._lessons

    @property
    def last_change(self) -> str:
        """What `undo` would undo; empty if there is nothing."""
        return self._changes[-1].what if self._changes else ""

    def teach(self, category: str, frames: Sequence[NDArray[np.uint8]], instance: str = "") -> Lesson:
        """Add views of an object.

        Args:
            category: its name.
            frames: at least one, uint8 [S, S, 3] RGB.
            instance: the object; empty: one that was never taught before.

        Returns:
            The new lesson.

        Raises:
            DataError: the name is not valid, there is no frame, or the disk refuses.
        """
        name = clean_name(category)
        if not frames:
            raise DataError(f"no view of {name!r} was seen, expected at least one.")
        id = str(uuid.uuid4())
        with self._lock, _disk(self.folder):
            if self._before_first is not None:
                self._before_first()
                self._before_first = None
            (self.folder / PICTURES).mkdir(parents=True, exist_ok=True)
            pictures = tuple(dict.fromkeys(self._write_picture(frame) for frame in frames))
            lesson = Lesson(id, name, clean_name(instance or f"{name[:80]} {id[:8]}"), time.time_ns(), pictures)
            self._apply(*added(self._lessons, lesson))
        return lesson

    def rename(self, old: str, new: str) -> None:
        """Give a category another name. Raises DataError as `lessons.renamed`, or if the disk refuses."""
        with self._lock, _disk(self.folder):
            self._apply(*renamed(self._lessons, old, new))

    def merge(self, old: str, into: str) -> None:
        """Put a category into another one. Raises DataError as `lessons.merged`, or if the disk refuses."""
        with self._lock, _disk(self.folder):
            self._apply(*merged(self._lessons, old, into))

    def delete(self, category: str) -> None:
        """Delete a category; its pictures stay until it can no longer be undone. Raises DataError."""
        with self._lock, _disk(self.folder):
            self._apply(*deleted(self._lessons, category))

    def undo(self) -> str:
        """Undo the last change that is not undone yet. Returns what it was. Raises DataError if there is none."""
        with self._lock, _disk(self.folder):
            if not self._changes:
                raise DataError("there is nothing to undo.")
            change = self._changes[-1]
            self._write(undone(self._lessons, change), self._changes[:-1])
            return change.what

    def pictures(self, size: int) -> TaughtPictures:
        """Read the pictures of all lessons, `size` pixels wide and high. `problems` tells which are damaged."""
        with self._lock:
            read: dict[tuple[str, int], NDArray[np.uint8]] = {}
            found: list[tuple[NDArray[np.uint8], str, str]] = []
            for lesson in self._lessons:
                for name in lesson.pictures:
                    picture = self._pictures_read.get((name, size))
                    if picture is None:
                        picture = self._read_picture(name, size)
                    if picture is None:
                        self._tell(f"{self.folder / PICTURES / name} ({lesson.category!r}) is damaged or missing.")
                        continue
                    read[name, size] = picture
                    found.append((picture, lesson.category, lesson.instance))
            self._pictures_read = read
        frames, categories, instances = zip(*found, strict=True) if found else ((), (), ())
        return TaughtPictures(frames, categories, instances)

    def _read_picture(self, name: str, size: int) -> NDArray[np.uint8] | None:
        bgr: Any = cv2.imread(str(self.folder / PICTURES / name), cv2.IMREAD_COLOR)
        if bgr is None:
            return None
        return np.asarray(cv2.cvtColor(cv2.resize(bgr, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB))

    def _apply(self, lessons: Lessons, change: Change) -> None:
        self._write(lessons, (*self._changes, change)[-_MOST_CHANGES:])

    def _write(self, lessons: Lessons, changes: tuple[Change, ...]) -> None:
        """Write the table, keep the one before as backup, and remove pictures that nothing names any more."""
        table = self.folder / TABLE
        text = _text(lessons, changes)
        self.folder.mkdir(parents=True, exist_ok=True)
        if table.exists():
            # Of what is known, and not of the table's bytes: they may be damaged, and then the backup is the only copy.
            write_whole(self.folder / BACKUP, _text(self._lessons, self._changes), sync=True)
        write_whole(table, text, sync=True)
        before = pictures_of((*self._lessons, *(one for change in self._changes for one in change.put)))
        self._lessons, self._changes = lessons, changes
        for name in before - pictures_of((*lessons, *(one for change in changes for one in change.put))):
            (self.folder / PICTURES / name).unlink(missing_ok=True)

    def _write_picture(self, frame: NDArray[np.uint8]) -> str:
        done, encoded = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        if not done:
            raise DataError(f"a picture of {frame.shape} cannot be stored as PNG.")
        # Named by their content: the same picture is stored once, and no name of a person becomes a name of a file.
        name = f"{sha256(encoded.tobytes()).hexdigest()[:32]}.png"
        if not (self.folder / PICTURES / name).exists():
            write_whole(self.folder / PICTURES / name, encoded.tobytes(), sync=True)
        return name

    def _read(self) -> tuple[Lessons, tuple[Change, ...]]:
        if not (self.folder / TABLE).exists() and not (self.folder / BACKUP).exists():
            return (), ()
        try:
            return _parsed(self.folder / TABLE)
        except (OSError, UnicodeDecodeError, JsonMessageError) as error:
            damage = f"{self.folder / TABLE} is damaged ({error})"
        try:
            found = _parsed(self.folder / BACKUP)
        except (OSError, UnicodeDecodeError, JsonMessageError) as error:
            raise DataError(f"{damage}, and so is {BACKUP}. Move the folder away; its pictures are whole.") from error
        self._tell(f"{damage}. The state before the last change is used.")
        return found

    def _tell(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _text(lessons: Lessons, changes: tuple[Change, ...]) -> str:
    values = {"lessons": [asdict(one) for one in lessons], "changes": [asdict(one) for one in changes]}
    return GALLERY_FILE.encode(values) + "\n"


def _parsed(path: Path) -> tuple[Lessons, tuple[Change, ...]]:
    if path.stat().st_size > _BYTES_PER_CHARACTER * GALLERY_FILE.max_characters:
        raise JsonMessageError(f"{path.stat().st_size} bytes are too many")
    values = GALLERY_FILE.decode(path.read_text(encoding="utf-8"))
    changes = (
        Change(one["what"], tuple(one["remove"]), tuple(map(Lesson.of, one["put"]))) for one in values["changes"]
    )
    return tuple(map(Lesson.of, values["lessons"])), tuple(changes)


class _disk:
    """Turns an error of the disk into one that names the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise DataError(f"{self._folder} cannot be written: {error.strerror or error}.") from error
