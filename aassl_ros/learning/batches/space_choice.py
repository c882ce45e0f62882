"""Which action space each frame of the data has. Data of several robots may have several.

If one space is known in every folder, it is the only one. Else the episodes are grouped by folder, robot and known
joints. Each group has the space that it would have alone, and groups with the same space share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ENOUGH_FRAMES, ActionSpace, action_space_shares, choose_action_space
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.frame_states import FrameStates
from aassl_ros.errors import DataError
from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.compute.device import AUTO

_NONE = -1
_BY_COLUMN = ("joints", "commands", "recorded")


@dataclass(frozen=True)
class FrameSpaces:
    """The action spaces of F frames.

    spaces: their components are listed. of_frame: int64 [F], the number of each frame's space, -1 if it has no action.
    """

    spaces: tuple[ActionSpace, ...]
    of_frame: NDArray[np.int64]

    @classmethod
    def single(cls, space: ActionSpace, data: PreparedData) -> FrameSpaces:
        """One space for all frames that have its action."""
        return cls((space,), np.where(space.usable(data), 0, _NONE))

    def share(self, frames: NDArray[np.int64], number: int | None = None) -> float:
        """The share of `frames` (int64) with an action, or with one in the space of this number: 0 to 1."""
        found = self.of_frame[frames]
        return float(np.mean(found >= 0 if number is None else found == number))


def choose_spaces(
    data: PreparedData, frames: NDArray[np.int64], settings: PairSettings, known: Sequence[ActionSpace] = ()
) -> FrameSpaces:
    """Choose the action spaces of data.

    Args:
        data: prepared data.
        frames: int64, the frames to train on.
        settings: which action space is wanted.
        known: spaces that have an action head already. They come first, also those that these frames do not have.

    Returns:
        The spaces. It is one if every folder has it and no other is known.

    Raises:
        DataError: a folder has no action, or no frame has the wanted space.
    """
    wanted = choose_space(data, settings)
    whole = FrameSpaces.single(wanted, data)
    last_resort = settings.action_space == AUTO and wanted.name == "time"
    if not known and not last_resort and not _folders_without(data, frames, whole):
        return whole
    found = _by_group(data, frames, settings, known)
    too_few = len(found.spaces) < 2 or found.share(frames) < ENOUGH_FRAMES
    if not known and ((last_resort and too_few) or not found.spaces):
        found = whole
    check_folders(data, frames, found, wanted)
    return found


def check_folders(data: PreparedData, frames: NDArray[np.int64], found: FrameSpaces, wanted: ActionSpace) -> None:
    """Raise DataError if one of several folders has no action for any of `frames` (int64), and others have."""
    without = _folders_without(data, frames, found)
    if without and len(without) < max(1, len(data.folders)):
        raise DataError(
            f"{without[0]} has no frame with all parts of the action {wanted}, "
            "which the other folders have. Leave it out, or choose an action space that all have (--action-space)."
        )


def choose_space(states: PreparedData | FrameStates, settings: PairSettings) -> ActionSpace:
    """The one space that suits data best, its components listed. Raises DataError if they lack a wanted component."""
    name = choose_action_space(states) if settings.action_space == AUTO else settings.action_space
    return ActionSpace(name, settings.rotation, settings.action_components).resolved(states)


def same_space(one: ActionSpace, other: ActionSpace) -> bool:
    """If two spaces have the same actions, perhaps in another order."""
    return (one.name, one.rotation, set(one.components)) == (other.name, other.rotation, set(other.components))


@dataclass(frozen=True)
class _Group:
    """Episodes of one robot in one folder, with the same known joints (or commands, or recorded quantities).

    source: folder and robot. frames: int64, increasing.
    """

    source: tuple[int, str]
    columns: frozenset[str]
    frames: NDArray[np.int64]

    def states(self, data: PreparedData) -> FrameStates:
        """The states of these frames, only with the columns that they have."""
        rows = self.frames
        joints, joint_names = _known_columns(data.joint_position[rows], data.joint_names)
        commands, command_names = _known_columns(data.joint_command[rows], data.command_names)
        recorded, recorded_names = _known_columns(data.recorded[rows], data.recorded_names)
        return FrameStates(
            stamps_ns=data.stamps_ns[rows],
            joint_position=joints,
            joint_command=commands,
            object_pose=data.object_pose[rows],
            tip_pose=data.tip_pose[rows],
            recorded=recorded,
            joint_names=joint_names,
            command_names=command_names,
            continuous_joints=data.continuous_joints,
            recorded_names=recorded_names,
        )

    def lacks_columns_of(self, other: _Group) -> bool:
        """If some joints of the same robot are missing here: these episodes are no robot of their own."""
        return self.source == other.source and self.columns < other.columns


def _by_group(
    data: PreparedData, frames: NDArray[np.int64], settings: PairSettings, known: Sequence[ActionSpace]
) -> FrameSpaces:
    spaces, of_frame = list(known), np.full(len(data), _NONE)
    groups = list(_groups(data, frames, settings))
    for group in groups:
        space = _space_of(group.states(data), settings, known)
        incomplete = any(group.lacks_columns_of(other) for other in groups)
        if space is None or (space.name in _BY_COLUMN and incomplete):
            continue
        number = next((place for place, other in enumerate(spaces) if same_space(space, other)), len(spaces))
        usable = (space if number == len(spaces) else spaces[number]).usable(data)[group.frames]
        if usable.any():
            spaces += [space] if number == len(spaces) else []
            of_frame[group.frames[usable]] = number
    return FrameSpaces(tuple(spaces), of_frame)


def _groups(data: PreparedData, frames: NDArray[np.int64], settings: PairSettings) -> Iterator[_Group]:
    values, names = _columns_of(settings.action_space, data)
    starts = [folder.start for folder in data.folders] or [0]
    members: dict[tuple[tuple[int, str], frozenset[str]], list[NDArray[np.int64]]] = {}
    borders = np.searchsorted(frames, [row.start for row in data.episodes] + [len(data)])
    for row, (begin, end) in zip(data.episodes, pairwise(borders), strict=True):
        if begin == end:
            continue
        own = frames[begin:end]
        columns = frozenset(_known_columns(values[own], names)[1])
        source = int(np.searchsorted(starts, row.start, "right")), row.robot
        members.setdefault((source, columns), []).append(own)
    for (source, columns), parts in members.items():
        yield _Group(source, columns, np.concatenate(parts))


def _columns_of(action_space: str, states: PreparedData | FrameStates) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The array [F, C] from which such actions are computed, and the names of its columns; else the joints."""
    if action_space == "commands":
        return states.joint_command, states.command_names
    if action_space == "recorded":
        return states.recorded, states.recorded_names
    return states.joint_position, states.joint_names


def _known_columns(values: NDArray[Any], names: tuple[str, ...]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The columns of [n, C] that have any value, and their names."""
    known = np.flatnonzero(np.isfinite(values).any(axis=0))
    return values[:, known], tuple(names[column] for column in known)


def _space_of(states: FrameStates, settings: PairSettings, known: Sequence[ActionSpace]) -> ActionSpace | None:
    """The space of a group: its best one if that has a head, else a known one, else its best one; None: it has none.

    So data that are given again get the spaces that they had, whichever robots the run has besides.
    """
    names = [settings.action_space]
    if settings.action_space == AUTO:
        shares = action_space_shares(states)  # without `time`, which every picture has
        names = [name for name, share in shares.items() if share >= ENOUGH_FRAMES][:1]
        names += [space.name for space in known if shares.get(space.name, 0) >= ENOUGH_FRAMES]
    found = [space for space in (_resolved(name, states, settings) for name in names) if space is not None]
    has_head = (space for space in found if any(same_space(space, other) for other in known))
    return next(has_head, found[0] if found else None)


def _resolved(name: str, states: FrameStates, settings: PairSettings) -> ActionSpace | None:
    """The space with its components listed; None if the group has none of them."""
    components = settings.action_components
    if name in _BY_COLUMN:  # each robot has some of the named joints
        own = _columns_of(name, states)[1]
        components = tuple(each for each in components if each.removeprefix("-") in own)
        if settings.action_components and not components and not settings.action_components[0].startswith("-"):
            return None
    try:
        return ActionSpace(name, settings.rotation, components).resolved(states)
    except DataError:
        return None


def _folders_without(data: PreparedData, frames: NDArray[np.int64], found: FrameSpaces) -> list[object]:
    """The folders (or the only one) that have frames to train on, but no action for any of them."""
    folders = [(folder.path, folder.start, folder.stop) for folder in data.folders] or [(data.path, 0, len(data))]
    inside = {path: frames[(frames >= start) & (frames < stop)] for path, start, stop in folders}
    return [path for path, own in inside.items() if len(own) and (found.of_frame[own] < 0).all()]
