"""Computes the object's pose in the camera's frame from camera poses around an object that does not move.

A reconstruction has an arbitrary world frame: any rotation, origin and scale. Its axes can serve as the object's axes,
because rotations R' R^T do not depend on them. Its origin cannot: COLMAP puts it among the cameras, and p' - p depends
on it. So the object's origin is the point that the cameras look at: the point with the smallest sum of distances to the
lines of sight through the centres of the pictures. This point depends only on the cameras, so the translation
(p' - p) / |p| does not depend on the world frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion import rotations

Array = NDArray[np.float64]

ROUNDS = 20
LEAST_SPREAD = 1e-4
"""Smallest mean square sine between the lines of sight and their mean (0.6 degrees). If the lines are closer to
parallel, their common point is not well defined.
"""


def object_poses(cameras: Array, sights: Array | None = None) -> Array:
    """Compute the poses of the object in the camera's optical frame.

    Args:
        cameras: float64 [n, 7], pose of the world in each camera's optical frame (world-to-camera: x_cam = R x + t);
            NaN if unknown.
        sights: float64 [n, 3], direction of the picture's centre in the optical frame; None means along its z axis.

    Returns:
        float64 [n, 7]; NaN if the camera is unknown, all NaN if the cameras do not look at one point.
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
    """The point [3] in the world frame with the smallest sum of distances to the lines of sight, or None.

    Iteratively reweighted least squares with weights 1 / distance (Weiszfeld), which is robust to wrong cameras.
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
