"""Accuracy by viewpoint: from which sides of an object the camera sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion import rotations

AZIMUTHS = 8
ELEVATIONS = ("from below", "level", "from above")
# Between two of them, of the angle above the object's horizontal plane.
_LIMIT_DEG = 30.0


@dataclass(frozen=True)
class ByViewpoint:
    """Frames and correct answers of each viewpoint.

    frames, right: int64 [3, AZIMUTHS], a row for each of ELEVATIONS; columns are sectors of equal width around the
    object's z axis, the first one begins at its x axis.
    """

    frames: NDArray[np.int64]
    right: NDArray[np.int64]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """The share of correct answers, float64 [3, AZIMUTHS]; NaN without a frame."""
        return np.where(self.frames > 0, self.right / np.maximum(1, self.frames), np.nan)


def by_viewpoint(poses: NDArray[np.float64], right: NDArray[np.bool_]) -> ByViewpoint | None:
    """Count answers by the side from which the camera sees the object.

    Args:
        poses: of the object in the camera's optical frame, float [N, 7], position and quaternion x, y, z, w; NaN:
            unknown.
        right: which answers are correct, bool [N].

    Returns:
        The counts; None if no pose is known.
    """
    known = np.isfinite(poses).all(axis=1) & (np.abs(poses[:, :3]).sum(axis=1) > 0.0)
    if not known.any():
        return None
    to_camera = rotations.invert_pose(poses[known])[:, :3]
    azimuth = np.degrees(np.arctan2(to_camera[:, 1], to_camera[:, 0])) % 360.0
    elevation = np.degrees(np.arctan2(to_camera[:, 2], np.hypot(to_camera[:, 0], to_camera[:, 1])))
    column = np.minimum((azimuth / 360.0 * AZIMUTHS).astype(np.int64), AZIMUTHS - 1)
    place = np.digitize(elevation, (-_LIMIT_DEG, _LIMIT_DEG)) * AZIMUTHS + column
    cells = len(ELEVATIONS) * AZIMUTHS
    counts = (np.bincount(some, minlength=cells) for some in (place, place[right[known]]))
    frames, correct = (each.reshape(-1, AZIMUTHS) for each in counts)
    return ByViewpoint(frames, correct)


def sectors() -> list[str]:
    """The names of the columns."""
    width = 360 // AZIMUTHS
    return [f"{place * width} to {(place + 1) * width}°" for place in range(AZIMUTHS)]
