"""Reads and checks a folder of pictures with frames.csv, one row per picture, and makes episodes of it.

Required columns: episode, instance, category, stamp (seconds), image (path within the folder). Optional columns:
pose.x pose.y pose.z, pose.qx pose.qy pose.qz pose.qw (pose of the object in the camera's frame), joint.NAME,
command.NAME, action.NAME, and split. Rows may be in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pictures.angle_notes import angle_notes
from aassl_ros.data.pictures.frames_table import GROUPS, POSITION, QUATERNION, SPLIT, FramesTable
from aassl_ros.data.pictures.image_paths import find_images
from aassl_ros.data.pictures.pictures import PictureEpisode
from aassl_ros.data.prepared.writer import EpisodeStates
from aassl_ros.errors import DataError

TABLE = "frames.csv"
SPLITS = ("train", "test")
_SHORTEST = 1e-6
"""A shorter quaternion is not a rotation."""


@dataclass(frozen=True)
class PictureFolder:
    """A PictureSource (see pictures.py): the episodes in frames.csv, in order of their ids.

    has_split: whether the column split, or the name of a folder, says which pictures are for testing.
    """

    path: Path
    episodes: tuple[PictureEpisode, ...]
    notes: tuple[str, ...] = ()
    continuous_joints: tuple[str, ...] = ()
    has_split: bool = False

    @classmethod
    def read(cls, path: Path, continuous_joints: tuple[str, ...] = (), named_set: str = "") -> PictureFolder:
        """Read a folder.

        Args:
            path: the folder that contains frames.csv.
            continuous_joints: joints whose angle wraps; names that the table does not have are ignored.
            named_set: the set of all pictures, see `set_of_names`, if there is no column split; empty: unknown, so that
                they are for training.

        Returns:
            The episodes; pictures are decoded later.

        Raises:
            DataError: the table is wrong or contradicts itself (the message names the line), or a picture is missing.
        """
        table = FramesTable.read(path / TABLE)
        stamps, names = table.stamps_ns(), np.array(table.column("episode"))
        order = np.lexsort((stamps, names))
        _check_stamps(table, names, stamps, order)
        sets, images, states = _sets(table, named_set or SPLITS[0]), find_images(table), _States.read(table)
        borders = np.flatnonzero(names[order][1:] != names[order][:-1]) + 1
        episodes = tuple(
            PictureEpisode(
                id=str(names[rows[0]]),
                instance=_one_of_episode(table, "instance", rows),
                category=_one_of_episode(table, "category", rows),
                set=sets[rows[0]],
                images=tuple(images[row] for row in rows),
                states=states.of(rows, stamps),
            )
            for rows in np.split(order, borders)
        )
        _check_instances(table, sets)
        wrapping = tuple(name for name in table.named("joint") if name in continuous_joints)
        notes = (*table.notes(), *angle_notes(*states.groups["action"], table.unused()))
        has_column = SPLIT in table.header
        if named_set and not has_column:
            notes += (f"no column {SPLIT}: all is in the set {named_set}, because its folder has this name",)
        return cls(path, episodes, notes, wrapping, has_column or bool(named_set))


@dataclass(frozen=True)
class _States:
    """The columns with numbers, for all rows: pose [n, 7], and for each group its names and values [n, len(names)]."""

    pose: NDArray[np.float64] | None
    groups: dict[str, tuple[tuple[str, ...], NDArray[np.float64]]]

    @classmethod
    def read(cls, table: FramesTable) -> _States:
        pose = None
        if POSITION[0] in table.header or QUATERNION[0] in table.header:
            pose = np.full((len(table.rows), 7), np.nan)
            if POSITION[0] in table.header:
                pose[:, :3] = _whole(table, POSITION)
            if QUATERNION[0] in table.header:
                pose[:, 3:] = _unit(table)
        groups = {}
        for group in GROUPS:
            names = table.named(group)
            groups[group] = (names, table.numbers(f"{group}.{name}" for name in names))
        return cls(pose, groups)

    def of(self, rows: NDArray[np.int64], stamps_ns: NDArray[np.int64]) -> EpisodeStates:
        return EpisodeStates(
            stamps_ns=stamps_ns[rows],
            joint_names=self.groups["joint"][0],
            joint_position=self.groups["joint"][1][rows],
            command_names=self.groups["command"][0],
            joint_command=self.groups["command"][1][rows],
            object_pose=None if self.pose is None else self.pose[rows],
            recorded_names=self.groups["action"][0],
            recorded=self.groups["action"][1][rows],
        )


def _whole(table: FramesTable, names: tuple[str, ...]) -> NDArray[np.float64]:
    """The values of columns that belong together. Raises DataError if a row has some of them but not all."""
    values = table.numbers(names)
    unknown = np.isnan(values)
    torn = np.flatnonzero(unknown.any(axis=1) & ~unknown.all(axis=1))
    if len(torn):
        name = names[int(unknown[torn[0]].argmax())]
        raise DataError(f"{table.at(torn[0])}: {name} is empty, expected all of {', '.join(names)}, or none of them.")
    return values


def _unit(table: FramesTable) -> NDArray[np.float64]:
    quaternions = _whole(table, QUATERNION)
    length = np.linalg.norm(quaternions, axis=1, keepdims=True)
    wrong = np.flatnonzero((length[:, 0] < _SHORTEST) | np.isinf(length[:, 0]))
    if len(wrong):
        raise DataError(
            f"{table.at(wrong[0])}: the quaternion {', '.join(QUATERNION)} has length {length[wrong[0], 0]:.2g}, "
            "which is not a rotation. Leave the four cells empty if the pose is unknown."
        )
    return quaternions / length


def set_of_names(*folders: Path) -> str:
    """The set that the name of a folder says.

    Args:
        folders: the picture folder, then folders above it.

    Returns:
        "train" or "test" if the first of these folders with such a name has it, in upper or lower case; else "".
    """
    names = (folder.resolve().name.casefold() for folder in folders)
    return next((name for name in names if name in SPLITS), "")


def _sets(table: FramesTable, named: str) -> list[str]:
    """The set of each row, from the column split, else `named`."""
    if SPLIT not in table.header:
        return [named] * len(table.rows)
    at = table.header.index(SPLIT)
    for index, row in enumerate(table.rows):
        if row[at] not in SPLITS:
            raise DataError(f"{table.at(index)}: split = {row[at]!r}, expected {' or '.join(SPLITS)}.")
    return [row[at] for row in table.rows]


def _check_stamps(
    table: FramesTable, episodes: NDArray[np.str_], stamps: NDArray[np.int64], order: NDArray[np.int64]
) -> None:
    same = (stamps[order][1:] == stamps[order][:-1]) & (episodes[order][1:] == episodes[order][:-1])
    if same.any():
        first, second = sorted(order[np.flatnonzero(same)[0] :][:2])
        raise DataError(
            f"{table.at(second)}: stamp {table.column('stamp')[second]} of episode {episodes[second]} is also in line "
            f"{table.lines[first]}. Give each picture of an episode a different stamp."
        )


def _one_of_episode(table: FramesTable, name: str, rows: NDArray[np.int64]) -> str:
    """The value of column `name` in all rows of an episode. Raises DataError if rows differ."""
    cells, episodes = table.header.index(name), table.header.index("episode")
    first = table.rows[rows[0]]
    for row in rows[1:]:
        if table.rows[row][cells] != first[cells]:
            raise DataError(
                f"{table.at(row)}: episode {first[episodes]} has {name} {table.rows[row][cells]!r}, but "
                f"{first[cells]!r} in line {table.lines[rows[0]]}. An episode shows one object."
            )
    return first[cells]


def _check_instances(table: FramesTable, sets: list[str]) -> None:
    """Raise DataError if an object has two categories or is in both splits."""
    categories = table.column("category")
    seen: dict[str, int] = {}
    for index, instance in enumerate(table.column("instance")):
        first = seen.setdefault(instance, index)
        for name, values in ((SPLIT, sets), ("category", categories)):
            if values[index] != values[first]:
                raise DataError(
                    f"{table.at(index)}: instance {instance} has {name} {values[index]!r}, but {values[first]!r} in "
                    f"line {table.lines[first]}. An object has one {name}."
                )
