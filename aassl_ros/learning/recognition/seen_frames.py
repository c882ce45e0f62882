"""Frames of objects that the robot has handled and nobody has named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams.images import to_square
from aassl_ros.errors import DataError
from aassl_ros.learning.readout.spacing import evenly_spaced

VIEWS_OF_OBJECT = 8
# Memory and time grow with the square of this number: a second for 4,000 on one core.
_MOST_VIEWS = 4000


@dataclass(frozen=True, eq=False)
class SeenFrames:
    """Which frames of prepared data show which object. frames: indices, int64 [S]; objects: int64 [S], 0 to M - 1."""

    frames: NDArray[np.int64]
    objects: NDArray[np.int64]

    def only(self, kept: NDArray[np.bool_]) -> SeenFrames:
        """Those where kept, bool [S], is true; with new numbers of the objects."""
        _, objects = np.unique(self.objects[kept], return_inverse=True)
        return SeenFrames(self.frames[kept], objects.astype(np.int64))


@dataclass(frozen=True, eq=False)
class SeenPictures:
    """The frames themselves, read from the disk as they are needed."""

    data: PreparedData
    chosen: SeenFrames

    def at_size(self, first: int, stop: int, size: int) -> NDArray[np.uint8]:
        """Return frames `first` to `stop` of those chosen, at a side of `size` pixels: uint8 [N, size, size, 3]."""
        return np.stack([to_square(frame, size) for frame in self.data.frames[self.chosen.frames[first:stop]]])


def open_seen(path: str | Path, sets: tuple[str, ...]) -> SeenPictures:
    """Open prepared data whose objects were seen. Raises DataError if it is none, or has no episode of the sets."""
    data = PreparedData.open(Path(path).expanduser())
    return SeenPictures(data, seen_frames(data, sets=sets))


def seen_frames(
    data: PreparedData,
    *,
    sets: tuple[str, ...] = ("train",),
    without: tuple[str, ...] = (),
    views: int = VIEWS_OF_OBJECT,
) -> SeenFrames:
    """Choose frames of the episodes of some sets. Categories are not used; each episode counts as one object.

    Args:
        data: prepared data.
        sets: instance sets.
        without: instances to leave out.
        views: of each episode, evenly spread; fewer if there are too many episodes.

    Raises:
        DataError: there is no episode.
    """
    rows = [row for row in data.episodes if row.set in sets and row.instance not in without and row.stop > row.start]
    if not rows:
        raise DataError(f"{data.path} has no episode of the sets {', '.join(sets)}: no object was seen in it.")
    rows = [rows[place] for place in evenly_spaced(len(rows), _MOST_VIEWS // 2)]
    most = max(2, min(views, _MOST_VIEWS // len(rows)))
    chosen = [evenly_spaced(row.stop - row.start, most, start=row.start) for row in rows]
    objects = np.repeat(np.arange(len(rows)), [len(each) for each in chosen])
    return SeenFrames(np.concatenate(chosen), objects.astype(np.int64))
