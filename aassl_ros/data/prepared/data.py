"""Reads prepared data: frames at training size, states and an episode table, from one folder or several."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.arrays import (
    FORMAT,
    FRAMES,
    OTHER,
    TABLE,
    VIEWS,
    EpisodeRow,
    Folder,
    PreparedArrays,
    read_table,
)
from aassl_ros.data.prepared.joined import open_arrays

__all__ = [
    "FORMAT",
    "FRAMES",
    "OTHER",
    "TABLE",
    "VIEWS",
    "EpisodeRow",
    "Folder",
    "PreparedData",
    "read_table",
    "validation_instances",
]


@dataclass(frozen=True)
class PreparedData(PreparedArrays):
    """Training arrays of F frames of S x S pixels, with their states (FrameStates).

    All are read-only; processes share them through the page cache.

    frames: uint8 [F, S, S, 3], RGB; with several folders it is not one array, but is indexed like one.
    episode_of: int64 [F], index into `episodes`.
    folders: the folders that were opened as one; empty if it was one folder. path: then only a name for messages.
    """

    @classmethod
    def open(cls, path: str | Path, *others: str | Path) -> PreparedData:
        """Map the arrays of one or several folders into memory.

        Args:
            path: a folder of prepared data, or a folder that contains such folders.
            others: further folders. All are read as one, without copying the frames.

        Returns:
            The data.

        Raises:
            DataError: a folder is missing, damaged or of another format, or folders do not fit each other.
        """
        return cls(**vars(open_arrays([Path(path), *map(Path, others)])))

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def image_size(self) -> int:
        """Width and height of a frame, pixels."""
        return int(self.frames.shape[1])

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of all episodes, sorted."""
        return tuple(sorted({row.category for row in self.episodes if row.category}))

    def instances(self, sets: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """The object instances in these sets (None: in all), sorted."""
        return tuple(sorted({row.instance for row in self.episodes if sets is None or row.set in sets}))

    def indices(
        self, sets: tuple[str, ...] | None = None, *, without_instances: tuple[str, ...] = ()
    ) -> NDArray[np.int64]:
        """Select frames by set and instance.

        Args:
            sets: the sets to use; None means all.
            without_instances: instances to omit.

        Returns:
            int64 [N], frame indices, increasing.
        """
        left_out = set(without_instances)
        wanted = [(sets is None or row.set in sets) and row.instance not in left_out for row in self.episodes]
        return np.flatnonzero(np.asarray(wanted, dtype=bool)[self.episode_of])


def validation_instances(data: PreparedData, fraction: float = 0.2, seed: int = 0) -> tuple[str, ...]:
    """Choose the validation instances out of the train set, on which settings are chosen.

    `aassl train` and `aassl evaluate --split val` use the same ones. The choice uses a hash of the name, so that it
    changes little if data are added.

    Args:
        data: the data.
        fraction: fraction of the instances of each category; at least one if the category has two or more.
        seed: another seed gives another choice.

    Returns:
        The names of the instances, sorted.
    """
    chosen: list[str] = []
    rows = [row for row in data.episodes if row.set == "train" and row.category]
    for category in sorted({row.category for row in rows}):
        names = {row.instance for row in rows if row.category == category}
        shuffled = sorted(names, key=lambda name: sha256(f"{seed} {name}".encode()).digest())
        count = max(1, round(fraction * len(shuffled))) if len(shuffled) > 1 else 0
        chosen += shuffled[:count]
    return tuple(sorted(chosen))
