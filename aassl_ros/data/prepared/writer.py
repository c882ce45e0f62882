"""Writes prepared data beside their place and renames the folder, so that an interruption leaves nothing half-made."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.prepared.data import FORMAT, FRAMES, TABLE, VIEWS, EpisodeRow, read_table
from aassl_ros.data.streams.episodes import SETS
from aassl_ros.errors import DataError
from aassl_ros.files import put_folder


@dataclass(frozen=True)
class EpisodeStates:
    """States of the n frames of one episode; what is not known is left out and becomes NaN.

    stamps_ns int64 [n], rising; joint_position [n, len(joint_names)]; joint_command [n, len(command_names)];
    object_pose, tip_pose [n, 7] as in PreparedData; recorded [n, len(recorded_names)], other quantities whose
    difference is the action (see ActionSpace `recorded`).
    """

    stamps_ns: ArrayLike
    joint_names: Sequence[str] = ()
    joint_position: ArrayLike | None = None
    command_names: Sequence[str] = ()
    joint_command: ArrayLike | None = None
    object_pose: ArrayLike | None = None
    tip_pose: ArrayLike | None = None
    recorded_names: Sequence[str] = ()
    recorded: ArrayLike | None = None

    def take(self, frames: NDArray[Any]) -> EpisodeStates:
        """The states of some frames: int64 [m] or bool [n]."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        return replace(self, **{name: np.asarray(array)[frames] for name, array in arrays.items() if array is not None})


_ARRAYS = ("stamps_ns", "joint_position", "joint_command", "object_pose", "tip_pose", "recorded")


@dataclass
class PreparedWriter:
    """Frames are appended in order; each episode then claims the next ones with its states. Leave by `finish`.

    As a context manager it removes what it wrote when it is left without `finish`.
    """

    path: Path
    image_size: int
    frames_written: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        _check_replaceable(self.path)
        self._part = self.path.with_name(f".{self.path.name}.part-{os.getpid()}")
        try:
            shutil.rmtree(self._part, ignore_errors=True)
            self._part.mkdir(parents=True)
            self._file = open(self._part / FRAMES, "wb", buffering=1 << 20)  # noqa: SIM115  # until finish
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._rows: list[EpisodeRow] = []
        self._states: list[EpisodeStates] = []

    def __enter__(self) -> PreparedWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # of a full disk; said where it was written
            self._file.close()
        shutil.rmtree(self._part, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """Where the data lie until `finish`: what is put in here comes with them."""
        return self._part

    def append_frames(self, frames: NDArray[np.uint8]) -> None:
        """Write one frame uint8 [S, S, 3] or several [n, S, S, 3]. Raises DataError where they cannot be written."""
        shape = (self.image_size, self.image_size, 3)
        if frames.dtype != np.uint8 or frames.shape[-3:] != shape or frames.ndim not in (3, 4):
            raise DataError(f"frames are {frames.dtype} {frames.shape}, expected uint8 of {shape} each.")
        try:
            self._file.write(np.ascontiguousarray(frames).data)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self.frames_written += 1 if frames.ndim == 3 else len(frames)

    def add_episode(
        self, robot: str, id: str, instance: str, category: str, instance_set: str, states: EpisodeStates
    ) -> None:
        """Claim the next frames, one a stamp of `states`. Raises DataError on falling stamps or an unknown set."""
        stamps = np.asarray(states.stamps_ns, np.int64)
        if instance_set not in SETS:
            raise DataError(f"episode {id}: set {instance_set!r}, expected one of {', '.join(SETS)}.")
        if len(stamps) == 0 or np.any(np.diff(stamps) <= 0):
            raise DataError(f"episode {id}: {len(stamps)} stamps that do not rise. Give frames in order of stamps.")
        start = self._rows[-1].stop if self._rows else 0
        self._rows.append(EpisodeRow(robot, id, instance, category, instance_set, start, start + len(stamps)))
        self._states.append(states)

    def finish(
        self, fingerprint: str, *, continuous_joints: Sequence[str] = (), facts: Mapping[str, Any] | None = None
    ) -> Path:
        """Write states and table, then rename into place. facts: JSON-able remarks kept in the table.

        Raises DataError if the episodes claim more or fewer frames than were appended.
        """
        claimed = self._rows[-1].stop if self._rows else 0
        if claimed != self.frames_written:
            raise DataError(f"{self.path}: {self.frames_written} frames written, but the episodes claim {claimed}.")
        joints = _union(states.joint_names for states in self._states)
        commands = _union(states.command_names for states in self._states)
        recorded = _union(states.recorded_names for states in self._states)
        arrays = {
            "stamps_ns": np.concatenate([np.zeros(0, np.int64), *(states.stamps_ns for states in self._states)]),
            "joint_position": self._stack("joint_position", "joint_names", joints, np.float32),
            "joint_command": self._stack("joint_command", "command_names", commands, np.float32),
            "object_pose": self._stack("object_pose", None, _POSE, np.float64),
            "tip_pose": self._stack("tip_pose", None, _POSE, np.float64),
        }
        if recorded:
            arrays["recorded"] = self._stack("recorded", "recorded_names", recorded, np.float64)
        table = {
            "format": FORMAT,
            "fingerprint": fingerprint,
            "image_size": self.image_size,
            "joint_names": joints,
            "command_names": commands,
            "recorded_names": recorded,
            "continuous_joints": [name for name in joints if name in set(continuous_joints)],
            "episodes": [asdict(row) for row in self._rows],
            "facts": dict(facts or {}),
        }
        try:
            for name, array in arrays.items():
                np.save(self._part / f"{name}.npy", array)
            (self._part / TABLE).write_text(json.dumps(table, indent=1))
            self._file.close()
            put_folder(self._part, self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        return self.path

    def _stack(self, key: str, names_key: str | None, names: Sequence[str], dtype: type) -> NDArray[Any]:
        """All episodes' arrays below each other, columns put under the union's names, NaN where an episode has none."""
        stacked: NDArray[Any] = np.full((self.frames_written, len(names)), np.nan, dtype)
        for row, states in zip(self._rows, self._states, strict=True):
            if getattr(states, key) is None:
                continue
            array = np.asarray(getattr(states, key))
            own = getattr(states, names_key) if names_key else names
            if array.shape != (row.stop - row.start, len(own)):
                expected = (row.stop - row.start, len(own))
                raise DataError(f"episode {row.id}: {key} has shape {array.shape}, expected {expected}.")
            stacked[row.start : row.stop, [names.index(name) for name in own]] = array
        return stacked


_POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")


def _union(groups: Any) -> list[str]:
    """Names in the order in which they are first met."""
    return list(dict.fromkeys(name for group in groups for name in group))


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be written ({error.strerror}). Free some room or choose another folder.")


_OURS = (TABLE, FRAMES, VIEWS, *(f"{name}.npy" for name in _ARRAYS))


def refuse_to_replace(path: Path, *, drawn: bool) -> None:
    """Raise DataError where `path` holds prepared data, drawn ones (by aassl synth) or, not `drawn`, others."""
    if not (path / TABLE).exists():
        return
    try:
        facts = read_table(path).get("facts", {})
    except DataError:  # damaged: nothing of them can be lost
        return
    if ("synth" in facts) == drawn:
        raise DataError(
            f"{path} holds prepared data of another source. Choose another folder, or replace them by --force."
        )


def _check_replaceable(path: Path) -> None:
    """Never write over what is not prepared data: not even what lies beside them, for the folder is made anew."""
    found = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    others = [name for name in found if name not in _OURS] if TABLE in found else found
    if others:
        raise DataError(
            f"{path} holds other files ({', '.join(others[:3])}). Choose another folder for the prepared data, or move "
            "them away."
        )
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} is a file. Choose a folder for the prepared data.")
