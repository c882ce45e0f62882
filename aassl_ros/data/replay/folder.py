"""A replay buffer on disk: two files of slots and a small table, so that a save writes only what is new.

| file | content |
|---|---|
| frames.uint8 | raw uint8 [capacity, S, S, 3] |
| rows.bin | `capacity` rows of rows.py, little-endian |
| buffer.json | what was saved: layout, number of frames, episodes, robots; replaced atomically by each save |
| lock | held by the process that writes |

A save first forces frames and rows to the disk, and then replaces buffer.json. A frame counts if its serial is not
newer than buffer.json and its checksum is right. So after a kill at any moment the last finished save is there, without
the frames whose slots already have newer ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.replay.rows import row_type
from aassl_ros.errors import DataError
from aassl_ros.files import open_locked, sync_path, write_whole

FORMAT = 1
TABLE, FRAMES, ROWS, LOCK = "buffer.json", "frames.uint8", "rows.bin", "lock"
_REMEDY = "Set restore_buffer to false to begin a new one there, or choose another buffer_dir."


@dataclass(frozen=True)
class BufferLayout:
    """What the files of a buffer depend on; ReplayBuffer describes the values."""

    capacity: int
    image_size: int
    joint_names: tuple[str, ...]
    command_names: tuple[str, ...]
    keep: str
    stretch_frames: int

    @property
    def frame_shape(self) -> tuple[int, int, int, int]:
        """Of the array of frames."""
        return (self.capacity, self.image_size, self.image_size, 3)

    @property
    def row_type(self) -> np.dtype[np.void]:
        """Of the array of rows."""
        return row_type(len(self.joint_names), len(self.command_names))

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each large file."""
        return {FRAMES: int(np.prod(self.frame_shape)), ROWS: self.capacity * self.row_type.itemsize}


class BufferFolder:
    """The folder of one buffer. A process that writes holds its lock until `close`."""

    def __init__(self, path: Path, layout: BufferLayout, *, writable: bool) -> None:
        """Open a folder that has both large files. Raises DataError if another process writes to it."""
        self.path, self.layout, self.writable = path, layout, writable
        self._lock = _locked(path) if writable else None
        self._maps: list[np.memmap] = []

    @classmethod
    def create(cls, path: Path, layout: BufferLayout) -> BufferFolder:
        """Make the files of an empty buffer; those of an old one are deleted.

        Raises DataError if the folder has other files or cannot be written, or if the disk has too little space.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            others = {entry.name for entry in path.iterdir()} - {TABLE, FRAMES, ROWS, LOCK}
            others = {name for name in others if not name.startswith(f".{TABLE}.part-")}
            if others:
                raise DataError(f"{path} contains other files ({min(others)}). Choose another folder for the buffer.")
            folder = cls(path, layout, writable=True)
            for name in (TABLE, FRAMES, ROWS):
                (path / name).unlink(missing_ok=True)
            for name, size in layout.sizes.items():
                with open(path / name, "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, max(1, size))  # a full disk is an error now, not a crash later
            sync_path(path)
        except OSError as error:
            needed = sum(layout.sizes.values()) >> 20
            raise DataError(
                f"{path} cannot hold a buffer of {needed} MiB ({error.strerror}). Lower capacity."
            ) from error
        return folder

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.void]]:
        """Map frames and rows into memory. If the folder is not writable, changes of rows stay in this process."""
        modes: Any = ("r+", "r+") if self.writable else ("r", "c")
        frames: Any = np.memmap(self.path / FRAMES, np.uint8, modes[0], shape=self.layout.frame_shape)
        kind: Any = self.layout.row_type
        rows: Any = np.memmap(self.path / ROWS, kind, modes[1], shape=(self.layout.capacity,))
        self._maps = [frames, rows]
        return np.asarray(frames), np.asarray(rows)

    def forget_arrays(self) -> None:
        """The arrays are not used any more: from now on `write` changes the files."""
        self._maps = []

    def write(self, slots: Iterable[int], frames: NDArray[np.uint8], rows: NDArray[np.void]) -> None:
        """Write the frames and rows of some slots to the files. Raises OSError.

        If the process is killed meanwhile, a slot is free that has neither its old nor its new frame.
        """
        with open(self.path / FRAMES, "r+b") as frame_file, open(self.path / ROWS, "r+b") as row_file:
            for slot in slots:
                free = rows[slot].copy()
                free["serial"] = 0
                for file, place, content in (
                    (row_file, slot * rows.dtype.itemsize, free.tobytes()),
                    (frame_file, slot * frames[slot].nbytes, frames[slot].data),
                    (row_file, slot * rows.dtype.itemsize, rows[slot].tobytes()),
                ):
                    file.seek(place)
                    file.write(content)
                    file.flush()  # in this order, also for the two files

    def finish(self, table: dict[str, Any]) -> None:
        """Force frames and rows to the disk, then replace the table. Raises OSError."""
        for mapped in self._maps:
            mapped.flush()
        if not self._maps:
            for name in (FRAMES, ROWS):
                sync_path(self.path / name)
        content = {"format": FORMAT, "layout": asdict(self.layout), **table}
        write_whole(self.path / TABLE, json.dumps(content), sync=True)

    def close(self) -> None:
        """Let other processes write to the folder."""
        self._maps = []
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def has_buffer(path: Path) -> bool:
    """Whether a folder has a saved buffer."""
    return (path / TABLE).is_file()


def read_table(path: Path) -> tuple[BufferLayout, dict[str, Any]]:
    """Read the table of a saved buffer. Raises DataError if it is missing or damaged."""
    file = path / TABLE
    if not file.is_file():
        raise DataError(f"{path} contains no replay buffer (no {TABLE}).")
    try:
        table = json.loads(file.read_text())
        found = table["format"]
        if found != FORMAT:
            raise DataError(f"{file} has format {found}, expected {FORMAT}. {_REMEDY}")
        values = table["layout"]
        layout = BufferLayout(
            int(values["capacity"]),
            int(values["image_size"]),
            tuple(map(str, values["joint_names"])),
            tuple(map(str, values["command_names"])),
            str(values["keep"]),
            int(values["stretch_frames"]),
        )
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(f"{file} is damaged ({error}). {_REMEDY}") from error
    for name, size in layout.sizes.items():
        has = (path / name).stat().st_size if (path / name).is_file() else 0
        if has != size:
            raise DataError(f"{path / name} has {has} bytes, expected {size}. {_REMEDY}")
    return layout, table


def _locked(path: Path) -> TextIO:
    """Lock a folder for writing. Returns the open lock file; the lock ends with the process."""
    lock = open_locked(path / LOCK)
    if lock is None:
        raise DataError(f"another process writes to the replay buffer in {path}. Stop it, or choose another folder.")
    return lock
