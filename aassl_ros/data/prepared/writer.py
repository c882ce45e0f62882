"""Writes prepared data to a temporary folder and renames it, so that an interruption leaves no partial data."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.prepared.arrays import FORMAT, FRAMES, OTHER, TABLE, VIEWS, EpisodeRow, read_table
from aassl_ros.data.streams.episodes import SETS
from aassl_ros.errors import DataError
from aassl_ros.files import put_folder


@dataclass(frozen=True)
class EpisodeStates:
    """The states of the n frames of one episode. Unknown states are omitted and become NaN.

    Args:
        stamps_ns: int64 [n], increasing, ns.
        joint_names: names of the J joints.
        joint_position: [n, J], rad or m.
        command_names: names of the C commanded joints.
        joint_command: [n, C], rad or m.
        object_pose: [n, 7], in the camera's optical frame, as in PreparedData.
        tip_pose: [n, 7], in the arm's base frame, as in PreparedData.
        recorded_names: names of the K recorded quantities.
        recorded: [n, K], quantities whose difference is the action (see ActionSpace `recorded`).
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
        """The states of some frames. frames: int64 [m] or bool [n]."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        return replace(self, **{name: np.asarray(array)[frames] for name, array in arrays.items() if array is not None})


_ARRAYS = ("stamps_ns", "joint_position", "joint_command", "object_pose", "tip_pose", "recorded")


@dataclass
class PreparedWriter:
    """Writes prepared data: append frames in order, add an episode for each group of frames, then `finish`.

    Use it in a `with` block. If the block ends without `finish`, everything written is removed.

    Args:
        path: the folder to make. Prepared data there are replaced at `finish`.
        image_size: width and height S of the frames, pixels.

    Raises:
        DataError: the folder contains other files, or cannot be written.
    """

    path: Path
    image_size: int
    frames_written: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        check_replaceable(self.path)
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
        with contextlib.suppress(OSError):  # a full disk; `append_frames` has already reported it
            self._file.close()
        shutil.rmtree(self._part, ignore_errors=True)

    @property
    def episodes_added(self) -> int:
        """The number of episodes so far."""
        return len(self._rows)

    @property
    def folder(self) -> Path:
        """The folder of the data until `finish`. Other files in it are moved with the data."""
        return self._part

    def append_frames(self, frames: NDArray[np.uint8]) -> None:
        """Append frames.

        Args:
            frames: uint8 [S, S, 3] or [n, S, S, 3].

        Raises:
            DataError: a frame has another size or type, or cannot be written.
        """
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
        """Add an episode of the next frames, one for each stamp of `states`.

        Args:
            robot: name of the robot or data set.
            id: id of the episode, unique for the robot.
            instance: name of the object.
            category: its category; empty means not labelled.
            instance_set: one of SETS.
            states: the states of the frames.

        Raises:
            DataError: stamps do not increase, or the set is unknown.
        """
        stamps = np.asarray(states.stamps_ns, np.int64)
        if instance_set not in SETS:
            raise DataError(f"episode {id}: set {instance_set!r}, expected one of {', '.join(SETS)}.")
        if len(stamps) == 0 or np.any(np.diff(stamps) <= 0):
            raise DataError(f"episode {id}: {len(stamps)} stamps do not increase. Give frames in order of stamps.")
        start = self._rows[-1].stop if self._rows else 0
        self._rows.append(EpisodeRow(robot, id, instance, category, instance_set, start, start + len(stamps)))
        self._states.append(states)

    def finish(
        self, fingerprint: str, *, continuous_joints: Sequence[str] = (), facts: Mapping[str, Any] | None = None
    ) -> Path:
        """Write states and table, and move the folder to its place.

        Args:
            fingerprint: a hash of the sources and settings.
            continuous_joints: joints whose angle wraps.
            facts: JSON values to store in the table.

        Returns:
            The folder.

        Raises:
            DataError: the episodes have more or fewer frames than were appended, or the data cannot be written.
        """
        claimed = self._rows[-1].stop if self._rows else 0
        if claimed != self.frames_written:
            raise DataError(f"{self.path}: {self.frames_written} frames written, but the episodes have {claimed}.")
        joints = _union(states.joint_names for states in self._states)
        commands = _union(states.command_names for states in self._states)
        recorded = _union(states.recorded_names for states in self._states)
        arrays: dict[str, tuple[str | None, Sequence[str], type]] = {
            "joint_position": ("joint_names", joints, np.float32),
            "joint_command": ("command_names", commands, np.float32),
            "object_pose": (None, _POSE, np.float64),
            "tip_pose": (None, _POSE, np.float64),
        }
        if recorded:
            arrays["recorded"] = ("recorded_names", recorded, np.float64)
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
            self._write_array("stamps_ns", (), np.int64, (states.stamps_ns for states in self._states))
            for name, (names_key, names, dtype) in arrays.items():
                rows = (self._columns(name, names_key, names, dtype, *each) for each in self._episodes())
                self._write_array(name, (len(names),), dtype, rows)
            (self._part / TABLE).write_text(json.dumps(table, indent=1))
            self._file.close()
            put_folder(self._part, self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        return self.path

    def _episodes(self) -> Iterator[tuple[EpisodeRow, EpisodeStates]]:
        return zip(self._rows, self._states, strict=True)

    def _write_array(self, name: str, width: tuple[int, ...], dtype: type, rows: Iterable[ArrayLike]) -> None:
        """Write a .npy file episode by episode, so that not all of it is in memory at once."""
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (self.frames_written, *width)}
        with open(self._part / f"{name}.npy", "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for array in rows:
                file.write(np.ascontiguousarray(array, dtype).tobytes())

    def _columns(
        self, key: str, names_key: str | None, names: Sequence[str], dtype: type, row: EpisodeRow, states: EpisodeStates
    ) -> NDArray[Any]:
        """An array of one episode with columns in the order of `names`; missing columns are NaN."""
        placed: NDArray[Any] = np.full((row.stop - row.start, len(names)), np.nan, dtype)
        if getattr(states, key) is not None:
            array = np.asarray(getattr(states, key))
            own = getattr(states, names_key) if names_key else names
            if array.shape != (row.stop - row.start, len(own)):
                expected = (row.stop - row.start, len(own))
                raise DataError(f"episode {row.id}: {key} has shape {array.shape}, expected {expected}.")
            placed[:, [names.index(name) for name in own]] = array
        return placed


_POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")


def _union(groups: Any) -> list[str]:
    """All names, in order of their first occurrence."""
    return list(dict.fromkeys(name for group in groups for name in group))


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be written ({error.strerror}). Free space or choose another folder.")


_OURS = (TABLE, FRAMES, VIEWS, OTHER, *(f"{name}.npy" for name in _ARRAYS))


def refuse_to_replace(path: Path, *, drawn: bool) -> None:
    """Raise DataError if `path` contains prepared data of another source.

    drawn: true refuses to replace data of `aassl synth`, false refuses to replace other data.
    """
    if not (path / TABLE).exists():
        return
    try:
        facts = read_table(path).get("facts", {})
    except DataError:  # damaged data may be replaced
        return
    if ("synth" in facts) == drawn:
        raise DataError(
            f"{path} contains prepared data of another source. Choose another folder, or replace them with --force."
        )


def check_replaceable(path: Path) -> None:
    """Raise DataError if the folder contains anything but prepared data, because the whole folder is replaced."""
    found = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    others = [name for name in found if name not in _OURS] if TABLE in found else found
    if others:
        raise DataError(
            f"{path} contains other files ({', '.join(others[:3])}). Choose another folder for the prepared data, or "
            "move them away."
        )
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} is a file. Choose a folder for the prepared data.")
