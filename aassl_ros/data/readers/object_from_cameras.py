"""The object's pose in the camera's frame, from a clip of camera poses round an object that stands still.

A reconstruction has a world frame of its own: any turn, any origin, any scale. Its axes serve as the object's axes, for
turns R' R^T do not depend on them. Its origin does not serve: COLMAP puts it among the cameras, and p' - p depends on
it. So the object's origin is the point that the cameras look at: nearest, in sum of distances, to the lines of sight
through the pictures' centres. That is a matter of the cameras alone, and the shift (p' - p) / |p| then depends on no
choice of world frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion import rotations

Array = NDArray[np.float64]

ROUNDS = 20
LEAST_SPREAD = 1e-4
"""Least mean square sine between lines of sight and their mean (0.6 degrees): below it they meet nowhere in particular.
"""


def object_poses(cameras: Array, sights: Array | None = None) -> Array:
    """Poses [n, 7] of the object in the camera's optical frame; all NaN where the cameras do not look at one point.

    cameras: float64 [n, 7], the pose of the world in each camera's optical frame (world-to-camera: x_cam = R x + t),
    NaN where unknown. sights: [n, 3], direction of the picture's centre in that frame; None: along its z axis.
    """
    sights = np.tile([0.0, 0.0, 1.0], (len(cameras), 1)) if sights is None else sights
    poses = np.full((len(cameras), 7), np.nan)
    known = np.isfinite(cameras).all(axis=1) & np.isfinite(sights).all(axis=1)
    if known.sum() < 2:
        return poses
    centre = _looked_at(cameras[known], sights[known])
    if centre is None:
        return poses
    placed = np.array([*centre, 0.0, 0.0, 0.0, 1.0])
    poses[known] = rotations.compose_poses(cameras[known], placed)
    return poses


def _looked_at(cameras: Array, sights: Array) -> Array | None:
    """The point [3] of the world with the least sum of distances to the lines of sight, or None.

    Least squares weighted anew by 1 / distance (Weiszfeld): a camera placed wrongly then pulls no more than any other.
    """
    back = rotations.invert_pose(cameras)
    origins = back[:, :3]
    directions = rotations.rotate(back[:, 3:], sights)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    across = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    weights = np.full(len(cameras), 1.0 / len(cameras))
    centre = np.zeros(3)
    for _ in range(ROUNDS):
        matrix = np.einsum("n,nij->ij", weights, across)
        if np.linalg.eigvalsh(matrix)[0] < LEAST_SPREAD:
            return None
        centre = np.linalg.solve(matrix, np.einsum("n,nij,nj->i", weights, across, origins))
        distance = np.linalg.norm(np.einsum("nij,nj->ni", across, centre - origins), axis=1)
        scale = np.median(np.linalg.norm(centre - origins, axis=1))
        weights = 1.0 / np.maximum(distance, 1e-3 * scale)
        weights /= weights.sum()
    ahead = np.einsum("ni,ni->n", directions, centre - origins) > 0
    return centre if ahead.mean() > 0.5 else None
