"""What readers of published data sets return (a PictureSource, see pictures.py), and the functions they share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import overload

from aassl_ros.data.pictures.pictures import PictureEpisode

TEST_SHARE = 0.2
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class PublishedSet:
    """A PictureSource. notes: what was skipped and why, one line each."""

    path: Path
    episodes: tuple[PictureEpisode, ...]
    notes: tuple[str, ...] = ()
    continuous_joints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Files(Sequence[Path]):
    """The paths of `names` in `folder`, made on access, because millions of Path objects would fill the memory."""

    folder: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> Files: ...
    def __getitem__(self, index: int | slice) -> Path | Files:
        if isinstance(index, slice):
            return Files(self.folder, self.names[index])
        return self.folder / self.names[index]


def set_by_hash(instance: str) -> str:
    """Assign an instance to a set if no split is published. The set depends only on the name.

    Args:
        instance: the name of the instance.

    Returns:
        "test" for one in five names, else "train".
    """
    draw = int.from_bytes(hashlib.sha256(instance.encode()).digest()[:8], "big") / 2**64
    return "test" if draw < TEST_SHARE else "train"


def is_within(path: str) -> bool:
    """Whether a relative path from an annotation stays inside its base folder."""
    parts = PurePosixPath(path)
    return bool(path) and "\0" not in path and not parts.is_absolute() and ".." not in parts.parts


def counted(counts: dict[str, int]) -> tuple[str, ...]:
    """Notes for the counts that are not zero, such as "3 clips without pictures"."""
    return tuple(f"{count} {what}" for what, count in counts.items() if count)
