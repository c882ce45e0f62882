"""What a buffer's table on disk says, and how a buffer is made from it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.replay.episode_table import EpisodeEntry, EpisodeTable
from aassl_ros.data.replay.lane import STRETCH_GAP, Lane
from aassl_ros.data.replay.rows import RowColumns
from aassl_ros.errors import DataError


def episodes_to_json(table: EpisodeTable) -> list[list[Any]]:
    """The episodes as JSON values. Raises DataError if a key of an episode is not a string."""
    rows = []
    for number, entry in table.entries.items():
        if not isinstance(entry.id, str):
            raise DataError(f"episode {entry.id!r} has a key that is not a string: a buffer with it cannot be saved.")
        rows.append([number, entry.robot, entry.id, entry.instance, entry.category])
    return rows


def restored_episodes(columns: RowColumns, slots: NDArray[np.int64], saved: Mapping[str, Any]) -> EpisodeTable:
    """The table of the episodes that have frames in these slots and were not discarded."""
    table = EpisodeTable(int(saved["next_episode"]))
    drawable = slots[columns.valid[slots]]
    counts = dict(
        zip(*map(np.ndarray.tolist, np.unique(columns.episode_of[drawable], return_counts=True)), strict=True)
    )
    for number, robot, id, instance, category in saved["episodes"]:
        if frames := counts.pop(number, 0):
            table.put(number, EpisodeEntry(robot, id, instance, category), frames)
    unknown = np.isin(columns.episode_of[drawable], list(counts))  # cannot happen, but must not be drawn
    if unknown.any():
        raise DataError(f"{int(unknown.sum())} frames belong to no episode of its table")
    return table


def restored_lanes(
    columns: RowColumns, slots: NDArray[np.int64], robots: list[str], places: NDArray[np.int64]
) -> dict[str, Lane]:
    """The lanes of the frames in these slots. robots: the robot of each lane."""
    by_serial = slots[np.argsort(columns.serial[slots])]
    lanes = {}
    for number, robot in enumerate(robots):
        own = by_serial[columns.lane[by_serial] == number]
        rows, lane = columns.rows[own], Lane(number, robot, places)
        begins = np.diff(rows["stretch"], prepend=-1) != 0
        # Frames that were lost leave their distance: the index counts them.
        frame_steps = np.where(begins, STRETCH_GAP, np.diff(rows["index"].astype(np.int64), prepend=0))
        time_steps = np.where(begins, STRETCH_GAP, np.diff(rows["stamp"], prepend=0))
        lane.extend(own, frame_steps, time_steps)
        lanes[robot] = lane
    return lanes
