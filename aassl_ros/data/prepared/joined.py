"""Several folders of prepared data read as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.arrays import TABLE, Folder, PreparedArrays, open_folder
from aassl_ros.data.prepared.joined_frames import JoinedFrames
from aassl_ros.errors import DataError


def open_arrays(paths: Sequence[Path]) -> PreparedArrays:
    """Open folders of prepared data as one. Frames stay in their files, memory-mapped; states are concatenated.

    Args:
        paths: folders of prepared data, or folders that contain such folders.

    Returns:
        The data, folder after folder. Joints and recorded quantities that a folder does not have are NaN in its frames.

    Raises:
        DataError: a folder is missing, damaged, empty or given twice, or folders do not fit each other: another size
            of frames, an object with two categories or in the sets train and test, an episode twice, or a joint that
            is continuous in one folder only.
    """
    folders = list({path.resolve(): path for given in paths for path in _folders(given)}.values())
    if len(folders) == 1:
        return open_folder(folders[0])
    parts = [open_folder(folder, map_frames=False) for folder in folders]
    _check_equal(parts)
    _check_objects(parts)
    _check_episodes(parts)
    _check_continuous(parts)
    joints = tuple(dict.fromkeys(name for part in parts for name in part.joint_names))
    commands = tuple(dict.fromkeys(name for part in parts for name in part.command_names))
    recorded = tuple(dict.fromkeys(name for part in parts for name in part.recorded_names))
    starts = np.concatenate([[0], np.cumsum([len(part.stamps_ns) for part in parts])]).tolist()
    episodes = tuple(
        replace(row, start=row.start + start, stop=row.stop + start)
        for part, start in zip(parts, starts, strict=False)
        for row in part.episodes
    )
    first = parts[0]
    counts = [len(part.stamps_ns) for part in parts]
    return replace(
        first,
        path=_common_name(folders),
        fingerprint=sha256(" ".join(["joined", *(part.fingerprint for part in parts)]).encode()).hexdigest(),
        frames=JoinedFrames(counts, first.frames.shape[1], [_Opening(folder) for folder in folders]),
        stamps_ns=np.concatenate([part.stamps_ns for part in parts]),
        joint_position=_stacked(parts, "joint_position", "joint_names", joints),
        joint_command=_stacked(parts, "joint_command", "command_names", commands),
        object_pose=np.concatenate([part.object_pose for part in parts]),
        tip_pose=np.concatenate([part.tip_pose for part in parts]),
        recorded=_stacked(parts, "recorded", "recorded_names", recorded),
        joint_names=joints,
        command_names=commands,
        recorded_names=recorded,
        continuous_joints=tuple(name for name in joints if any(name in part.continuous_joints for part in parts)),
        episodes=episodes,
        episode_of=np.repeat(np.arange(len(episodes), dtype=np.int64), [row.stop - row.start for row in episodes]),
        facts={},
        folders=tuple(
            Folder(part.path, start, stop) for part, start, stop in zip(parts, starts[:-1], starts[1:], strict=True)
        ),
    )


class _Opening:
    """Maps the frames of a folder when it is called."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self) -> NDArray[np.uint8]:
        return np.asarray(open_folder(self._folder).frames)


def _folders(path: Path) -> Iterator[Path]:
    """The folders of prepared data at a path: itself, or those directly inside it."""
    if (path / TABLE).is_file() or not path.is_dir():
        yield path
        return
    inside = sorted(child for child in path.iterdir() if (child / TABLE).is_file())
    yield from inside or [path]


def _common_name(folders: Sequence[Path]) -> Path:
    """A name for messages: the folder that contains all, if no other data are in it, else all names."""
    parents = {folder.parent for folder in folders}
    if len(parents) == 1 and set(_folders(parent := parents.pop())) == set(folders):
        return parent
    shown = [str(folder) for folder in folders[:3]] + ([f"{len(folders) - 3} more"] if len(folders) > 3 else [])
    return Path(" and ".join(shown))


def _stacked(parts: Sequence[PreparedArrays], array: str, key: str, names: Sequence[str]) -> NDArray[Any]:
    """An array of all parts with columns in the order of `names`; NaN where a part has no such column."""
    if all(getattr(part, key) == tuple(names) for part in parts):
        return np.concatenate([getattr(part, array) for part in parts])
    rows = []
    for part in parts:
        placed: NDArray[Any] = np.full((len(part.stamps_ns), len(names)), np.nan, getattr(part, array).dtype)
        placed[:, [names.index(name) for name in getattr(part, key)]] = getattr(part, array)
        rows.append(placed)
    return np.concatenate(rows)


def _check_equal(parts: Sequence[PreparedArrays]) -> None:
    first = parts[0]
    seen: dict[str, PreparedArrays] = {}
    for part in parts:
        if not part.episodes:
            raise DataError(f"{part.path} contains no frames. Leave it out.")
        same = seen.setdefault(part.fingerprint, part)
        if same is not part:
            raise DataError(f"{same.path} and {part.path} contain the same data. Leave out one of them.")
        if part.frames.shape[1] != first.frames.shape[1]:
            raise DataError(
                f"{first.path} has frames of {first.frames.shape[1]} px, {part.path} of {part.frames.shape[1]} px. "
                "Prepare both with the same --image-size."
            )


def _check_objects(parts: Sequence[PreparedArrays]) -> None:
    """Raise DataError if an object has two categories, or is in train and test, in different folders."""
    categories: dict[str, tuple[str, Path]] = {}
    sets: dict[tuple[str, str], Path] = {}
    for part in parts:
        for row in part.episodes:
            if row.category:
                known, path = categories.setdefault(row.instance, (row.category, part.path))
                if known != row.category and path != part.path:
                    raise DataError(
                        f"object {row.instance} has the category {known} in {path} and {row.category} in {part.path}. "
                        "Rename one of them, or label both alike."
                    )
            sets.setdefault((row.instance, row.set), part.path)
    for (instance, group), path in sets.items():
        other = sets.get((instance, "test")) if group == "train" else None
        if other is not None and other != path:
            raise DataError(
                f"object {instance} is in the set train in {path}, but in test in {other}. Rename one of them, or give "
                "both the same set."
            )


def _check_episodes(parts: Sequence[PreparedArrays]) -> None:
    """Raise DataError if two folders have frames of an episode (robot, id) at the same time."""
    seen: dict[tuple[str, str], list[tuple[int, int, Path]]] = {}
    for part in parts:
        for row in part.episodes:
            span = int(part.stamps_ns[row.start]), int(part.stamps_ns[row.stop - 1])
            found = seen.setdefault((row.robot, row.id), [])
            for first, last, path in found:
                if path != part.path and span[0] <= last and first <= span[1]:
                    robot = f" of {row.robot}" if row.robot else ""
                    raise DataError(f"{path} and {part.path} contain the same episode {row.id}{robot}. Leave out one.")
            found.append((*span, part.path))


def _check_continuous(parts: Sequence[PreparedArrays]) -> None:
    kinds: dict[str, tuple[bool, Path]] = {}
    for part in parts:
        for name in part.joint_names:
            continuous, path = kinds.setdefault(name, (name in part.continuous_joints, part.path))
            if continuous != (name in part.continuous_joints):
                one, other = (path, part.path) if continuous else (part.path, path)
                raise DataError(f"joint {name} is continuous in {one}, but not in {other}. Prepare them together.")
