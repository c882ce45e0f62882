"""Prepared data: frames at training size, states and an episode table, memory-mapped from one folder.

The folder holds `prepared.json` (names, episode table, fingerprint), `frames.uint8` (raw [F, S, S, 3]) and one .npy for
each array of states. Frames lie episode after episode, rising in stamp within one. It is written by prepared_writer.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.streams.episodes import SETS
from aassl_ros.errors import DataError

FORMAT = 1
TABLE = "prepared.json"
FRAMES = "frames.uint8"
VIEWS = "views"
"""Where the canonical views of test objects are, prepared data of their own."""
_AGAIN = "Make it again with --force (aassl prepare, or aassl synth)."
STATES = ("stamps_ns", "joint_position", "joint_command", "object_pose", "tip_pose")


@dataclass(frozen=True)
class EpisodeRow:
    """One stretch of handling one object: its frames are start <= index < stop. An empty category: not labelled."""

    robot: str
    id: str
    instance: str
    category: str
    set: str
    start: int
    stop: int


@dataclass(frozen=True)
class PreparedData:
    """Training arrays of F frames of S x S pixels; read-only, shared between processes by the page cache.

    frames uint8 [F, S, S, 3] RGB; stamps_ns int64 [F]; joint_position float32 [F, J] (rad or m, NaN absent);
    joint_command float32 [F, C] (NaN before the first command); object_pose float64 [F, 7], x y z qx qy qz qw in the
    camera's optical frame (NaN unknown); tip_pose float64 [F, 7] in the arm's base frame (NaN unknown);
    recorded float64 [F, K], quantities of the data set whose difference is the action (NaN unknown);
    episode_of int64 [F], the row of `episodes`.
    """

    path: Path
    fingerprint: str
    frames: NDArray[np.uint8]
    stamps_ns: NDArray[np.int64]
    joint_position: NDArray[np.float32]
    joint_command: NDArray[np.float32]
    object_pose: NDArray[np.float64]
    tip_pose: NDArray[np.float64]
    recorded: NDArray[np.float64]
    joint_names: tuple[str, ...]
    command_names: tuple[str, ...]
    continuous_joints: tuple[str, ...]
    recorded_names: tuple[str, ...]
    episodes: tuple[EpisodeRow, ...]
    episode_of: NDArray[np.int64]
    facts: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> PreparedData:
        """Map the arrays of the folder `path`. Raises DataError where it is missing, damaged or of another format."""
        path = Path(path)
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
        states = {name: _map_array(path / f"{name}.npy", (count, *widths[name])) for name in STATES}
        shape = (count, len(recorded))
        states["recorded"] = _map_array(path / "recorded.npy", shape) if recorded else np.zeros(shape)
        lengths = [row.stop - row.start for row in episodes]
        return cls(
            path=path,
            fingerprint=fingerprint,
            frames=_map_frames(path / FRAMES, count, size),
            **states,
            joint_names=joints,
            command_names=commands,
            continuous_joints=continuous,
            recorded_names=recorded,
            episodes=episodes,
            episode_of=np.repeat(np.arange(len(episodes), dtype=np.int64), lengths),
            facts=table.get("facts", {}),
        )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def image_size(self) -> int:
        """Side of a frame in pixels."""
        return int(self.frames.shape[1])

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories named by any episode, sorted."""
        return tuple(sorted({row.category for row in self.episodes if row.category}))

    def instances(self, sets: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """The object instances of these sets (None: of all), sorted."""
        return tuple(sorted({row.instance for row in self.episodes if sets is None or row.set in sets}))

    def indices(
        self, sets: tuple[str, ...] | None = None, *, without_instances: tuple[str, ...] = ()
    ) -> NDArray[np.int64]:
        """Frames (int64, rising) of the episodes of these sets (None: of all), leaving out some instances."""
        left_out = set(without_instances)
        wanted = [(sets is None or row.set in sets) and row.instance not in left_out for row in self.episodes]
        return np.flatnonzero(np.asarray(wanted, dtype=bool)[self.episode_of])


def validation_instances(data: PreparedData, fraction: float = 0.2, seed: int = 0) -> tuple[str, ...]:
    """Instances taken out of the train set to choose settings on: the same for `train` and `evaluate --split val`.

    A share of each category, at least one where it has two; drawn by a hash of the name, so that further data move few.
    """
    chosen: list[str] = []
    rows = [row for row in data.episodes if row.set == "train" and row.category]
    for category in sorted({row.category for row in rows}):
        names = {row.instance for row in rows if row.category == category}
        shuffled = sorted(names, key=lambda name: sha256(f"{seed} {name}".encode()).digest())
        count = max(1, round(fraction * len(shuffled))) if len(shuffled) > 1 else 0
        chosen += shuffled[:count]
    return tuple(sorted(chosen))


def read_table(path: Path) -> dict[str, Any]:
    """The JSON table of a folder of prepared data. Raises DataError where there is none or of another format."""
    file = path / TABLE
    if not file.is_file():
        what = "holds no prepared data" if path.is_dir() else "is no folder" if path.exists() else "does not exist"
        raise DataError(f"{path} {what} (no {TABLE}). Make it with aassl prepare SOURCE... -o {path}.")
    try:
        table = json.loads(file.read_text())
        found = table["format"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(f"{file} is damaged ({error}). {_AGAIN}") from error
    if found != FORMAT:
        raise DataError(f"{file} is of format {found}, expected {FORMAT}. {_AGAIN}")
    return dict(table)


def _check_table(size: int, episodes: tuple[EpisodeRow, ...]) -> None:
    """Raise ValueError or TypeError unless episodes follow each other without a gap."""
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"image_size = {size!r}")
    at = 0
    for row in episodes:
        if row.start != at or row.stop < row.start:
            raise ValueError(f"episode {row.id} has frames {row.start} to {row.stop}, expected them from {at} on")
        if row.set not in SETS:
            raise ValueError(f"episode {row.id} has set = {row.set!r}, expected one of {', '.join(SETS)}")
        at = row.stop


def _map_array(file: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        array = np.load(file, mmap_mode="r" if np.prod(shape) else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{file} cannot be read ({error}). {_AGAIN}") from error
    if array.dtype.kind not in "if":
        raise DataError(f"{file} holds {array.dtype}, expected numbers. {_AGAIN}")
    if array.shape != shape:
        raise DataError(f"{file} has shape {array.shape}, expected {shape}. {_AGAIN}")
    # A plain view of the map: indexing np.memmap itself costs a subclass object at each step.
    return np.asarray(array)


def _map_frames(file: Path, count: int, size: int) -> NDArray[np.uint8]:
    expected = count * size * size * 3
    found = file.stat().st_size if file.is_file() else 0
    if found != expected:
        raise DataError(f"{file} has {found} bytes, expected {expected}. {_AGAIN}")
    if not expected:
        return np.zeros((0, size, size, 3), np.uint8)
    return np.asarray(np.memmap(file, np.uint8, "r", shape=(count, size, size, 3)))
