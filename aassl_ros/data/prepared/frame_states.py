"""The states of F frames as arrays, of prepared data or of a replay buffer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FrameStates:
    """Stamps, joints and poses of F frames.

    stamps_ns: int64 [F], ns.
    joint_position: float32 [F, J], rad or m; NaN if missing.
    joint_command: float32 [F, C], rad or m; NaN before the first command.
    object_pose: float64 [F, 7], x y z qx qy qz qw in the camera's optical frame, m; NaN if unknown.
    tip_pose: float64 [F, 7], in the arm's base frame, m; NaN if unknown.
    recorded: float64 [F, K], quantities of the data set whose difference is the action; NaN if unknown.
    """

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
