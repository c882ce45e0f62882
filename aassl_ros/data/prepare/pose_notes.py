"""What to say of the object's poses in a bag: refused, converted, interpolated or missing ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def pose_notes(
    problems: Mapping[str, int],
    converted: int,
    interpolated: int,
    poses: Sequence[NDArray[np.float64]],
    bound_s: float,
) -> list[str]:
    """Describe what became of the poses.

    Args:
        problems: why poses were refused, and how many.
        converted: the number of poses that were brought to the frame of the images.
        interpolated: the number of frames whose pose is between two messages.
        poses: float64 [7] of each frame that was kept, NaN if unknown; none if the bag has no topic of poses.
        bound_s: the largest time between two poses for interpolation, s.

    Returns:
        One line for each.
    """
    notes = [f"{count} poses refused: {problem}" for problem, count in problems.items()]
    if converted:
        notes.append(
            f"{converted} object poses were brought to the frame of the images by the transforms (tf) of the bag"
        )
    if interpolated:
        notes.append(f"the object's pose of {interpolated} frames is interpolated between two messages")
    if missing := sum(bool(np.isnan(pose).any()) for pose in poses):
        notes.append(f"no object pose of {missing} of {len(poses)} frames: none within {bound_s:g} s on both sides")
    return notes
