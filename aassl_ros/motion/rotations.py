"""Rotations (unit quaternions) and poses, for whole arrays at once.

A quaternion is float64 [..., 4] in the order x, y, z, w, as in ROS. A pose is float64 [..., 7]: position x, y, z, then
the quaternion. q and -q are the same rotation, and every function here treats them so. Leading axes broadcast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Below this many radians sin(x) / x is 1 to the last bit of a double, and computing it would divide by zero.
_SMALL_ANGLE = 1e-8


def normalize(quaternion: ArrayLike) -> Array:
    """The quaternion [..., 4] scaled to length 1. A zero quaternion becomes NaN, because it is not a rotation."""
    quaternion = np.asarray(quaternion, dtype=np.float64)
    length: Array = np.linalg.norm(quaternion, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return quaternion / length


def multiply(first: ArrayLike, second: ArrayLike) -> Array:
    """The rotation `second` followed by `first`, like the matrix product R(first) R(second). [..., 4] each."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    x1, y1, z1, w1 = np.moveaxis(first, -1, 0)
    x2, y2, z2, w2 = np.moveaxis(second, -1, 0)
    return np.stack(
        [
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
        ],
        axis=-1,
    )


def inverse(quaternion: ArrayLike) -> Array:
    """The inverse rotation of quaternions [..., 4] of length 1."""
    back: Array = np.asarray(quaternion, dtype=np.float64) * np.array([-1.0, -1.0, -1.0, 1.0])
    return back


def rotate(quaternion: ArrayLike, vector: ArrayLike) -> Array:
    """The vectors [..., 3] rotated by the quaternions [..., 4] of length 1."""
    quaternion, vector = np.asarray(quaternion, dtype=np.float64), np.asarray(vector, dtype=np.float64)
    axis, w = quaternion[..., :3], quaternion[..., 3:]
    crossed: Array = 2 * np.cross(axis, vector)
    turned: Array = vector + w * crossed + np.cross(axis, crossed)
    return turned


def to_matrix(quaternion: ArrayLike) -> Array:
    """Rotation matrices [..., 3, 3] of quaternions [..., 4]."""
    x, y, z, w = np.moveaxis(normalize(quaternion), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(matrix: ArrayLike) -> Array:
    """Quaternions [..., 4] with w >= 0 of rotation matrices [..., 3, 3]."""
    matrix = np.asarray(matrix, dtype=np.float64)
    r = {(i, j): matrix[..., i, j] for i in range(3) for j in range(3)}
    # Row i is the quaternion times 4 times its component i. The row of the largest component loses no precision.
    rows = [
        [1 + r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[2, 1] - r[1, 2]],
        [r[0, 1] + r[1, 0], 1 - r[0, 0] + r[1, 1] - r[2, 2], r[1, 2] + r[2, 1], r[0, 2] - r[2, 0]],
        [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], 1 - r[0, 0] - r[1, 1] + r[2, 2], r[1, 0] - r[0, 1]],
        [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], 1 + r[0, 0] + r[1, 1] + r[2, 2]],
    ]
    candidates = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.argmax(np.diagonal(candidates, axis1=-2, axis2=-1), axis=-1)
    chosen = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    return _upper_half(normalize(chosen))


def to_rotation_vector(quaternion: ArrayLike) -> Array:
    """Rotation vectors (axis times angle) [..., 3] of quaternions [..., 4]. Angles from 0 to pi rad."""
    quaternion = _upper_half(normalize(quaternion))
    sine = np.linalg.norm(quaternion[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, quaternion[..., 3:])
    factor = np.where(sine > _SMALL_ANGLE, angle / np.where(sine > _SMALL_ANGLE, sine, 1.0), 2.0)
    return quaternion[..., :3] * factor


def from_rotation_vector(vector: ArrayLike) -> Array:
    """Quaternions [..., 4] of rotation vectors (axis times angle) [..., 3] in rad."""
    vector = np.asarray(vector, dtype=np.float64)
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    safe = np.where(angle > _SMALL_ANGLE, angle, 1.0)
    factor = np.where(angle > _SMALL_ANGLE, np.sin(angle / 2) / safe, 0.5)
    return np.concatenate([vector * factor, np.cos(angle / 2)], axis=-1)


def angle_between(first: ArrayLike, second: ArrayLike) -> Array:
    """The angle [...] between two rotations [..., 4], from 0 to pi rad."""
    angle: Array = np.linalg.norm(to_rotation_vector(multiply(second, inverse(first))), axis=-1)
    return angle


def matrix_to_6d(matrix: ArrayLike) -> Array:
    """The first two columns of rotation matrices [..., 3, 3], as [..., 6]: a continuous representation.

    Zhou et al. 2019, On the continuity of rotation representations in neural networks.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    return np.concatenate([matrix[..., :, 0], matrix[..., :, 1]], axis=-1)


def random_quaternion(rng: np.random.Generator) -> Array:
    """One quaternion [4] drawn uniformly from all rotations."""
    return _upper_half(normalize(rng.standard_normal(4)))


def from_roll_pitch_yaw(angles: ArrayLike) -> Array:
    """Quaternions [..., 4] of URDF's roll, pitch, yaw [..., 3] in rad: about the fixed x, then y, then z axis."""
    angles = np.asarray(angles, dtype=np.float64)
    turns = [from_rotation_vector(angles[..., axis, None] * np.eye(3)[axis]) for axis in range(3)]
    return multiply(turns[2], multiply(turns[1], turns[0]))


def compose_poses(first: ArrayLike, second: ArrayLike) -> Array:
    """The product of two poses [..., 7]: `first` places frame A in the parent, `second` is a pose in frame A.

    Returns that pose in the parent's frame.
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    position = first[..., :3] + rotate(first[..., 3:], second[..., :3])
    return np.concatenate([position, multiply(first[..., 3:], second[..., 3:])], axis=-1)


def invert_pose(pose: ArrayLike) -> Array:
    """The inverse of a pose [..., 7]: the pose of the parent in the child's frame."""
    pose = np.asarray(pose, dtype=np.float64)
    back = inverse(pose[..., 3:])
    return np.concatenate([-rotate(back, pose[..., :3]), back], axis=-1)


def _upper_half(quaternion: Array) -> Array:
    """Choose from q and -q the one with w >= 0."""
    return np.where(quaternion[..., 3:] < 0, -quaternion, quaternion)
