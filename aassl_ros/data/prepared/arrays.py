"""Reads prepared data: frames at training size, states and an episode table, memory-mapped from one folder.

The folder contains `prepared.json` (names, episode table, fingerprint), `frames.uint8` (raw [F, S, S, 3]) and one .npy
file for each array of states. Frames are stored episode after episode; stamps increase within an episode. writer.py
writes the folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.frame_states import FrameStates
from aassl_ros.data.streams.episodes import SETS
from aassl_ros.errors import DataError

FORMAT = 1
TABLE = "prepared.json"
FRAMES = "frames.uint8"
VIEWS = "views"
"""The subfolder with the canonical views of test objects, which are prepared data too."""
OTHER = "other"
"""The subfolder with objects of other categories (aassl synth --household), which are prepared data too."""
_AGAIN = "Make it again with --force (aassl prepare, or aassl synth)."
STATES = ("stamps_ns", "joint_position", "joint_command", "object_pose", "tip_pose")


@dataclass(frozen=True)
class EpisodeRow:
    """One episode: frames start <= index < stop show one object. An empty category means not labelled."""

    robot: str
    id: str
    instance: str
    category: str
    set: str
    start: int
    stop: int


class Frames(Protocol):
    """uint8 [F, S, S, 3], RGB: one memory-mapped array, or those of several folders (JoinedFrames)."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, wanted: Any, /) -> NDArray[np.uint8]: ...


class Folder(NamedTuple):
    """A folder of the data, and its frames: start <= index < stop."""

    path: Path
    start: int
    stop: int


@dataclass(frozen=True)
class PreparedArrays(FrameStates):
    """The arrays of PreparedData, where they are described."""

    path: Path
    fingerprint: str
    frames: Frames
    episodes: tuple[EpisodeRow, ...]
    episode_of: NDArray[np.int64]
    facts: dict[str, Any]
    folders: tuple[Folder, ...] = ()


def open_folder(path: Path, *, map_frames: bool = True) -> PreparedArrays:
    """Map the arrays of one folder. Without map_frames, only the size of the file of frames is checked.

    Raises DataError if the folder is missing, damaged or of another format.
    """
    table = read_table(path)
    try:
        size, joints, commands = table["image_size"], tuple(table["joint_names"]), tuple(table["command_names"])
        episodes = tuple(EpisodeRow(**row) for row in table["episodes"])
        continuous, fingerprint = tuple(table["continuous_joints"]), table["fingerprint"]
        recorded = tuple(table.get("recorded_names", ()))  # older data have none
        _check_table(size, episodes)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path / TABLE} is damaged ({error}). {_AGAIN}") from error
    count = episodes[-1].stop if episodes else 0
    widths: dict[str, tuple[int, ...]] = {
        "stamps_ns": (), "joint_position": (len(joints),), "joint_command": (len(commands),),
        "object_pose": (7,), "tip_pose": (7,),
    }  # fmt: skip
    states: dict[str, Any] = {name: _map_array(path / f"{name}.npy", (count, *widths[name])) for name in STATES}
    shape = (count, len(recorded))
    states["recorded"] = _map_array(path / "recorded.npy", shape) if recorded else np.zeros(shape)
    lengths = [row.stop - row.start for row in episodes]
    return PreparedArrays(
        path=path,
        fingerprint=fingerprint,
        frames=_map_frames(path / FRAMES, count, size, map_frames),
        **states,
        joint_names=joints,
        command_names=commands,
        continuous_joints=continuous,
        recorded_names=recorded,
        episodes=episodes,
        episode_of=np.repeat(np.arange(len(episodes), dtype=np.int64), lengths),
        facts=table.get("facts", {}),
    )


def read_table(path: Path) -> dict[str, Any]:
    """Read the JSON table of prepared data. Raises DataError if it is missing, damaged or of another format."""
    file = path / TABLE
    if not file.is_file():
        what = (
            "contains no prepared data" if path.is_dir() else "is not a folder" if path.exists() else "does not exist"
        )
        raise DataError(f"{path} {what} (no {TABLE}). Make it with aassl prepare SOURCE... -o {path}.")
    try:
        table = json.loads(file.read_text())
        found = table["format"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(f"{file} is damaged ({error}). {_AGAIN}") from error
    if found != FORMAT:
        raise DataError(f"{file} has format {found}, expected {FORMAT}. {_AGAIN}")
    return dict(table)


def _check_table(size: int, episodes: tuple[EpisodeRow, ...]) -> None:
    """Raise ValueError or TypeError if a value is wrong or there is a gap between episodes."""
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"image_size = {size!r}")
    at = 0
    for row in episodes:
        if row.start != at or row.stop < row.start:
            raise ValueError(f"episode {row.id} has frames {row.start} to {row.stop}, expected {at} as its first")
        if row.set not in SETS:
            raise ValueError(f"episode {row.id} has set = {row.set!r}, expected one of {', '.join(SETS)}")
        at = row.stop


def _map_array(file: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        array = np.load(file, mmap_mode="r" if np.prod(shape) else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{file} cannot be read ({error}). {_AGAIN}") from error
    if array.dtype.kind not in "if":
        raise DataError(f"{file} contains {array.dtype}, expected numbers. {_AGAIN}")
    if array.shape != shape:
        raise DataError(f"{file} has shape {array.shape}, expected {shape}. {_AGAIN}")
    # A plain view of the map, because indexing an np.memmap makes a slow subclass object each time.
    return np.asarray(array)


def _map_frames(file: Path, count: int, size: int, mapped: bool) -> NDArray[np.uint8]:
    expected = count * size * size * 3
    found = file.stat().st_size if file.is_file() else 0
    if found != expected:
        raise DataError(f"{file} has {found} bytes, expected {expected}. {_AGAIN}")
    if not expected or not mapped:
        return np.broadcast_to(np.zeros((1, size, size, 3), np.uint8), (count, size, size, 3))
    return np.asarray(np.memmap(file, np.uint8, "r", shape=(count, size, size, 3)))
