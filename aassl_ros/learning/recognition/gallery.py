"""The gallery: labelled frames for recognition. It contains pictures, so that any encoder can embed it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.prepared.data import TABLE as PREPARED_TABLE
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams.images import to_square
from aassl_ros.errors import DataError
from aassl_ros.learning.readout.spacing import evenly_spaced

FORMAT = 1
LABELS = "labels.json"
FRAMES = "frames.npy"


@dataclass(frozen=True, eq=False)
class Gallery:
    """G labelled frames.

    frames: uint8 [G, S, S, 3] RGB; labels: the category of each; instances: the object of each, may be empty.
    Raises DataError if lengths differ, if there is no frame, or if a category's name is empty or reserved.
    """

    frames: NDArray[np.uint8]
    labels: tuple[str, ...]
    instances: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.frames) == len(self.labels) == len(self.instances):
            raise DataError(
                f"gallery has {len(self.frames)} frames, {len(self.labels)} labels and {len(self.instances)} instances."
            )
        if not self.labels:
            raise DataError("gallery has no labelled frame. Record episodes that have a category.")
        if "" in self.labels or UNKNOWN in self.labels:
            raise DataError(
                f"gallery has a category named {'' if '' in self.labels else UNKNOWN!r}, expected another name."
            )

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that an answer can have, sorted."""
        return tuple(sorted(set(self.labels)))

    @property
    def targets(self) -> NDArray[np.int64]:
        """Each frame's category as its index in `categories`, int64 [G]."""
        places = {category: place for place, category in enumerate(self.categories)}
        return np.array([places[label] for label in self.labels], dtype=np.int64)

    @property
    def objects(self) -> NDArray[np.int64]:
        """Each frame's object as a number, int64 [G]. Frames of a category without an instance are one object."""
        numbers: dict[tuple[str, str], int] = {}
        keys = zip(self.labels, self.instances, strict=True)
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)

    def joined(self, other: Gallery) -> Gallery:
        """Both galleries as one. Their frames must have the same size."""
        return Gallery(
            np.concatenate([self.frames, other.frames]),
            (*self.labels, *other.labels),
            (*self.instances, *other.instances),
        )

    def at_size(self, size: int) -> NDArray[np.uint8]:
        """Return the frames resized to a side of `size` pixels: uint8 [G, size, size, 3]."""
        if self.frames.shape[1] == size:
            return self.frames
        return np.stack([to_square(frame, size) for frame in self.frames])

    @classmethod
    def from_prepared(
        cls, data: PreparedData, *, sets: tuple[str, ...] = ("train",), per_instance: int = 20
    ) -> Gallery:
        """Make a gallery of prepared data.

        sets: instance sets to use. per_instance: maximum number of frames of each instance, evenly spread.
        Raises DataError if there is no labelled episode.
        """
        frames_of: dict[tuple[str, str], list[NDArray[np.int64]]] = {}
        for row in data.episodes:
            if row.set in sets and row.category:
                frames_of.setdefault((row.category, row.instance), []).append(np.arange(row.start, row.stop))
        chosen: dict[tuple[str, str], NDArray[np.int64]] = {}
        for key, parts in sorted(frames_of.items()):
            frames = np.concatenate(parts)
            chosen[key] = frames[evenly_spaced(len(frames), per_instance)]
        if not chosen:
            raise DataError(
                f"{data.path} has no labelled episode of the sets {', '.join(sets)}: no gallery can be made."
            )
        return cls(
            frames=data.frames[np.concatenate(list(chosen.values()))],
            labels=tuple(category for (category, _), part in chosen.items() for _ in part),
            instances=tuple(instance for (_, instance), part in chosen.items() for _ in part),
        )

    def save(self, folder: Path) -> None:
        """Write the gallery to a folder, as frames.npy and labels.json. Raises DataError if it cannot be written."""
        table = {"format": FORMAT, "labels": self.labels, "instances": self.instances}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"{FRAMES}.new").open("wb") as file:
                np.save(file, self.frames)
            (folder / f"{LABELS}.new").write_text(json.dumps(table))
            for name in (FRAMES, LABELS):
                os.replace(folder / f"{name}.new", folder / name)
        except OSError as error:
            raise DataError(f"gallery {folder} cannot be written: {error.strerror or error}.") from error

    @classmethod
    def load(cls, folder: Path) -> Gallery:
        """Read a folder that `save` has written. Raises DataError if it is missing or damaged."""
        try:
            table = json.loads((folder / LABELS).read_text())
            frames = np.load(folder / FRAMES, allow_pickle=False)
            if table["format"] != FORMAT:
                raise DataError(f"gallery {folder} has the format {table['format']}, expected {FORMAT}.")
            labels, instances = tuple(map(str, table["labels"])), tuple(map(str, table["instances"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"gallery {folder} cannot be read ({error}), expected {FRAMES} and {LABELS}.") from error
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1] != frames.shape[2] or frames.shape[3] != 3:
            raise DataError(f"gallery {folder}: frames are {frames.dtype} {frames.shape}, expected uint8 [G, S, S, 3].")
        return cls(frames, labels, instances)


def open_gallery(path: str | Path, *, sets: tuple[str, ...] = ("train",), per_instance: int = 20) -> Gallery:
    """Open a gallery folder, or make a gallery of prepared data as `Gallery.from_prepared` does.

    Args:
        path: a gallery folder, or a folder of prepared data.
        sets: for prepared data: instance sets to use.
        per_instance: for prepared data: maximum number of frames of each instance.

    Raises:
        DataError: if `path` is neither, or if it is damaged.
    """
    folder = Path(path).expanduser()
    if (folder / PREPARED_TABLE).exists():
        return Gallery.from_prepared(PreparedData.open(folder), sets=sets, per_instance=per_instance)
    if (folder / LABELS).exists():
        return Gallery.load(folder)
    found = "is neither" if folder.is_dir() else "does not exist"
    raise DataError(f"gallery {folder} {found}, expected prepared data or a gallery folder ({FRAMES}, {LABELS}).")
