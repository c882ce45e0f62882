"""What happened between two frames, as numbers: of poses, of angles and of other quantities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion import rotations

_UNITS = {"_rad": 1.0, "_deg": np.pi / 180}


def object_displacement(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn (quaternion [N, 4]) and shift [N, 3], in distances to the camera, between two poses [N, 7] of an object."""
    turn = rotations.multiply(second[:, 3:], rotations.inverse(first[:, 3:]))
    distance = np.linalg.norm(first[:, :3], axis=1, keepdims=True)
    return turn, (second[:, :3] - first[:, :3]) / np.maximum(distance, 1e-6)


def end_effector_displacement(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn (quaternion [N, 4]) and shift [N, 3] in m between two poses [N, 7] of a tip, seen from the first."""
    back = rotations.inverse(first[:, 3:])
    shift = np.einsum("nij,nj->ni", rotations.to_matrix(back), second[:, :3] - first[:, :3])
    return rotations.multiply(back, second[:, 3:]), shift


def recorded_displacement(
    first: NDArray[np.float64], second: NDArray[np.float64], names: Sequence[str], *, cosines: bool
) -> NDArray[np.float64]:
    """Differences [N, A] of the columns `names` of [N, n]: angles wrapped and in rad, or their cosine and sine."""
    parts = []
    for column, name in enumerate(names):
        unit, change = angle_unit(name), (second - first)[:, column : column + 1]
        if unit and cosines:
            parts += [np.cos(change * unit), np.sin(change * unit)]
        else:
            parts.append(wrapped(change * unit) if unit else change)
    return np.concatenate(parts, axis=1)


def angle_unit(name: str) -> float:
    """The radians of one unit of a recorded column that is an angle, by the end of its name; 0 for another quantity."""
    return _UNITS.get(name[-4:], 0.0)


def wrapped(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles in rad put between -pi and pi."""
    return (angles + np.pi) % (2 * np.pi) - np.pi
