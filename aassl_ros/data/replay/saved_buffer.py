"""A replay buffer that is kept in a folder (folder.py) and survives its process."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.replay.buffer import ReplayBuffer, empty_arrays
from aassl_ros.data.replay.checksums import checksum, whole_slots
from aassl_ros.data.replay.folder import TABLE, BufferFolder, BufferLayout, read_table
from aassl_ros.data.replay.saved_state import episodes_to_json, restored_episodes, restored_lanes
from aassl_ros.errors import DataError


class SavedReplayBuffer(ReplayBuffer):
    """A replay buffer that can be saved and opened again.

    If `mapped`, the frames are in the folder's files, and memory holds only what the system caches of them. Otherwise
    they are in memory, and a save writes what changed since the last one.

    Attributes:
        folder: where it is kept.
        damaged: number of saved frames that were not whole when it was opened, and were left out.
    """

    def __init__(self, folder: BufferFolder, *, mapped: bool, seed: int = 0) -> None:
        """Use `create` or `open`. folder: its files are all zero, or `_restore` follows."""
        layout = folder.layout
        arrays = folder.arrays() if mapped else empty_arrays(layout.capacity, layout.image_size, layout.row_type)
        super().__init__(
            layout.capacity,
            layout.image_size,
            layout.joint_names,
            layout.command_names,
            keep=layout.keep,
            stretch_frames=layout.stretch_frames,
            seed=seed,
            arrays=arrays,
        )
        self.folder, self.mapped, self.damaged = folder, mapped, 0
        self.read_only = not folder.writable
        self._unsaved = np.zeros(0 if mapped else layout.capacity, bool)
        self._saving = threading.Lock()

    @classmethod
    def create(cls, path: Path, layout: BufferLayout, *, mapped: bool = True, seed: int = 0) -> SavedReplayBuffer:
        """Make an empty buffer in a folder; an old one there is deleted.

        Args:
            path: the folder.
            layout: what the buffer is like.
            mapped: keep the frames in the folder and not in memory.
            seed: of a reservoir's choice.

        Raises:
            DataError: the folder cannot be used, or the disk has too little space.
        """
        return cls(BufferFolder.create(path, layout), mapped=mapped, seed=seed)

    @classmethod
    def open(cls, path: Path, *, writable: bool = True, mapped: bool = True, seed: int = 0) -> SavedReplayBuffer:
        """Open a saved buffer. All its frames are read once, to check them.

        Args:
            path: the folder.
            writable: false only looks at it; another process may write to it meanwhile.
            mapped: keep the frames in the folder and not in memory.
            seed: of a reservoir's choice.

        Raises:
            DataError: there is no saved buffer, it is damaged, or another process writes to it.
        """
        layout, saved = read_table(path)
        folder = BufferFolder(path, layout, writable=writable)
        try:
            buffer = cls(folder, mapped=mapped, seed=seed)
            buffer._restore(saved)
        except (KeyError, TypeError, ValueError, DataError) as error:
            folder.close()
            raise DataError(f"{path / TABLE} is damaged ({error}). Choose another folder for the buffer.") from error
        except BaseException:
            folder.close()
            raise
        return buffer

    def save(self) -> None:
        """Save all frames that are there now. New frames may come meanwhile.

        Only what is new is written. If the process is killed during it, the last finished save stays valid.

        Raises:
            DataError: it cannot be written, or an episode's key is not a string.
        """
        with self._saving:
            with self._writing:
                table, unsaved = self._table(), np.flatnonzero(self._unsaved)
                self._unsaved[unsaved] = False
            try:
                if not self.mapped:
                    self.folder.write(unsaved.tolist(), self.frames, self.rows)
                self.folder.finish(table)
            except OSError as error:
                self._changed(unsaved)  # the next save writes them again
                raise DataError(f"{self.folder.path}: the replay buffer cannot be saved ({error.strerror}).") from error

    def close(self) -> None:
        """Let other processes write to the folder. What was appended since the last save is not part of it."""
        self.folder.close()

    def _seal(self, slot: int, serial: int) -> None:
        self.rows["checksum"][slot] = checksum(self.frames, self.rows, slot, serial)
        self._changed(np.array([slot]))

    def _changed(self, slots: NDArray[np.int64]) -> None:
        if not self.mapped:
            self._unsaved[slots] = True

    def _table(self) -> dict[str, Any]:
        return {
            "appended": self._appended,
            "frames": len(self),
            "robots": list(self.robots),
            "continuous": {robot: list(names) for robot, names in self._continuous.items()},
            "episodes": episodes_to_json(self._episodes),
            "next_episode": self._episodes.next_number,
            "instances": sorted(self._instances),
            "retention": self._retention.state(),
        }

    def _restore(self, saved: dict[str, Any]) -> None:
        """Take over the frames of the folder that are part of the save and whole."""
        frames, rows = (self.frames, self.rows) if self.mapped else self.folder.arrays()
        slots, self.damaged = whole_slots(frames, rows, int(saved["appended"]))
        if not self.mapped:
            self.frames[slots], self.rows[slots] = frames[slots], rows[slots]
            self.folder.forget_arrays()
        others = np.ones(self.capacity, bool)
        others[slots] = False
        self.serial[others], self.valid[others] = 0, False
        self._changed(np.flatnonzero(others))
        self._index(slots, saved)

    def _index(self, slots: NDArray[np.int64], saved: dict[str, Any]) -> None:
        """Make the index of the frames in these slots. saved: the values of a table."""
        self._appended, self._held = int(saved["appended"]), len(slots)
        in_order = slots[np.argsort(self.serial[slots])]
        self._slot_of_serial[self.serial[in_order] % self.capacity] = in_order  # of two, the newer one stays
        self._episodes = restored_episodes(self, slots, saved)
        self._lanes = restored_lanes(self, slots, [str(robot) for robot in saved["robots"]], self._places)
        self._instances = frozenset(map(str, saved["instances"]))
        self._continuous = {str(robot): tuple(map(str, names)) for robot, names in saved["continuous"].items()}
        self._retention.restore(saved["retention"], slots, self.rows["stretch"][slots], self.rows["priority"][slots])
