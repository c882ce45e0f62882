"""A range of frames of prepared data, with chosen columns of their states; and a copy of data into other data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter


def select_frames(
    data: PreparedData,
    start: int,
    stop: int,
    *,
    joint_names: tuple[str, ...] | None = None,
    command_names: tuple[str, ...] | None = None,
    recorded_names: tuple[str, ...] | None = None,
) -> PreparedData:
    """Take the episodes between two frames. Frames stay memory-mapped.

    Args:
        data: the data.
        start, stop: the first frame and that after the last; no episode may lie across them.
        joint_names, command_names, recorded_names: the columns to keep, in this order; None keeps all.

    Returns:
        The data of these frames, numbered from 0.

    Raises:
        ValueError: an episode lies across a border, or a column is unknown.
    """
    rows = [row for row in data.episodes if row.stop > start and row.start < stop]
    if not 0 <= start <= stop <= len(data) or any(row.start < start or row.stop > stop for row in rows):
        raise ValueError(f"frames {start} to {stop} of {data.path} are no whole episodes")
    joints = data.joint_names if joint_names is None else joint_names
    commands = data.command_names if command_names is None else command_names
    recorded = data.recorded_names if recorded_names is None else recorded_names
    part = slice(start, stop)
    return replace(
        data,
        frames=data.frames[part],
        stamps_ns=data.stamps_ns[part],
        joint_position=data.joint_position[part, _columns(data.joint_names, joints)],
        joint_command=data.joint_command[part, _columns(data.command_names, commands)],
        object_pose=data.object_pose[part],
        tip_pose=data.tip_pose[part],
        recorded=data.recorded[part, _columns(data.recorded_names, recorded)],
        joint_names=joints,
        command_names=commands,
        recorded_names=recorded,
        continuous_joints=tuple(name for name in data.continuous_joints if name in joints),
        episodes=tuple(replace(row, start=row.start - start, stop=row.stop - start) for row in rows),
        episode_of=np.repeat(np.arange(len(rows), dtype=np.int64), [row.stop - row.start for row in rows]),
    )


def _columns(names: tuple[str, ...], wanted: tuple[str, ...]) -> list[int]:
    return [names.index(name) for name in wanted]


def append_data(writer: PreparedWriter, data: PreparedData) -> None:
    """Append all episodes of `data`. Raises DataError if their frames have another size, or cannot be written."""
    for row in data.episodes:
        rows = slice(row.start, row.stop)
        writer.append_frames(data.frames[rows])
        states = EpisodeStates(
            stamps_ns=data.stamps_ns[rows],
            joint_names=data.joint_names,
            joint_position=data.joint_position[rows],
            command_names=data.command_names,
            joint_command=data.joint_command[rows],
            object_pose=data.object_pose[rows],
            tip_pose=data.tip_pose[rows],
            recorded_names=data.recorded_names,
            recorded=data.recorded[rows],
        )
        writer.add_episode(row.robot, row.id, row.instance, row.category, row.set, states)
