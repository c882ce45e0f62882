"""Displacements between two frames: of poses, of angles and of other quantities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion import rotations

_UNITS = {"_rad": 1.0, "_deg": np.pi / 180}


def object_displacement(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation (quaternion [N, 4]) and translation [N, 3] between two poses [N, 7] of an object in the camera's frame.

    The translation is relative to the first distance from the camera.
    """
    turn = rotations.multiply(second[:, 3:], rotations.inverse(first[:, 3:]))
    distance = np.linalg.norm(first[:, :3], axis=1, keepdims=True)
    return turn, (second[:, :3] - first[:, :3]) / np.maximum(distance, 1e-6)


def end_effector_displacement(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation (quaternion [N, 4]) and translation [N, 3], m, between two poses [N, 7] of a tip, in the first frame."""
    back = rotations.inverse(first[:, 3:])
    shift = np.einsum("nij,nj->ni", rotations.to_matrix(back), second[:, :3] - first[:, :3])
    return rotations.multiply(back, second[:, 3:]), shift


def recorded_displacement(
    first: NDArray[np.float64], second: NDArray[np.float64], names: Sequence[str], *, cosines: bool
) -> NDArray[np.float64]:
    """Differences [N, A] of the columns `names` of [N, n]. Angles are wrapped and in rad, or their cosine and sine."""
    parts = []
    for column, name in enumerate(names):
        unit, change = angle_unit(name), (second - first)[:, column : column + 1]
        if unit and cosines:
            parts += [np.cos(change * unit), np.sin(change * unit)]
        else:
            parts.append(wrapped(change * unit) if unit else change)
    return np.concatenate(parts, axis=1)


def angle_unit(name: str) -> float:
    """The unit of a recorded angle in rad, from the end of the column's name; 0 if the column is not an angle."""
    return _UNITS.get(name[-4:], 0.0)


def wrapped(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles in rad, wrapped to the range from -pi to pi."""
    return (angles + np.pi) % (2 * np.pi) - np.pi
