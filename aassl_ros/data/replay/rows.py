"""What the buffer stores of each frame beside its pixels: one row a slot, in memory or in a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHECKED_FIELD = "valid"
"""The first field that may change later; the checksum covers the fields before it, and the pixels."""


def row_type(joints: int, commands: int) -> np.dtype[np.void]:
    """The type of a row.

    serial: frames count from 1; 0 is a free slot. stamp: ns. priority, stretch, index (of the frame in its stretch):
    see retention.py. episode: see episode_table.py. lane: number of the robot. joint_position, joint_command: rad or m.
    valid: false if the episode was discarded. object_pose, tip_pose: x y z qx qy qz qw. checksum: see checksums.py.
    """
    fields = [
        ("serial", "<i8"),
        ("stamp", "<i8"),
        ("priority", "<f8"),
        ("episode", "<i8"),
        ("stretch", "<i8"),
        ("index", "<i4"),
        ("lane", "<i2"),
        ("unused", "<i2"),  # so that no byte is undefined
        ("joint_position", "<f4", (joints,)),
        ("joint_command", "<f4", (commands,)),
        (CHECKED_FIELD, "?"),
        ("object_pose", "<f8", (7,)),
        ("tip_pose", "<f8", (7,)),
        ("checksum", "<u4"),
    ]
    return np.dtype(fields, align=True)


class RowColumns:
    """The columns of rows as arrays indexed by slot, under the names that actions use (see pairs/states.py)."""

    def __init__(self, rows: NDArray[np.void], joint_names: Sequence[str], command_names: Sequence[str]) -> None:
        """rows: of `row_type`, [capacity]."""
        self.rows = rows
        self.joint_names, self.command_names = tuple(joint_names), tuple(command_names)
        self.serial: NDArray[np.int64] = rows["serial"]
        self.stamps_ns: NDArray[np.int64] = rows["stamp"]
        self.episode_of: NDArray[np.int64] = rows["episode"]
        self.lane: NDArray[np.int16] = rows["lane"]
        self.valid: NDArray[np.bool_] = rows["valid"]
        self.joint_position: NDArray[np.float32] = rows["joint_position"]
        self.joint_command: NDArray[np.float32] = rows["joint_command"]
        self.object_pose: NDArray[np.float64] = rows["object_pose"]
        self.tip_pose: NDArray[np.float64] = rows["tip_pose"]
        # Live streams have no recorded columns; only data sets have them.
        self.recorded_names: tuple[str, ...] = ()
        self.recorded = np.zeros((len(rows), 0))
