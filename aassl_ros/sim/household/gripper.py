"""A gripper that holds the object: a palm with two fingers, which hide a part of the object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.rotations import from_matrix
from aassl_ros.sim.catalogue import ColouredMesh
from aassl_ros.sim.categories.shapes import box

# Real grippers are gray, black or white, and now and then orange. Few colours, so that they identify no episode.
_COLOURS = ((0.12, 0.12, 0.13), (0.5, 0.5, 0.52), (0.85, 0.85, 0.83), (0.85, 0.4, 0.1))
_FINGER_M = (0.014, 0.02)


@dataclass(frozen=True)
class Gripper:
    """The parts of a gripper in its frame: z points from the palm to the object, y from one finger to the other.

    finger: length of the fingers, m. The origin is in the middle between the finger tips.
    """

    meshes: tuple[ColouredMesh, ...]
    finger: float


def draw_gripper(rng: np.random.Generator, radius: float) -> Gripper:
    """Draw a gripper for an object of this radius (m)."""
    body, tip = (_COLOURS[int(rng.integers(len(_COLOURS)))] for _ in range(2))
    wide, thick = rng.uniform(*_FINGER_M), rng.uniform(0.008, 0.014)
    gap, long = radius * rng.uniform(0.45, 0.8), radius * rng.uniform(0.9, 1.4)
    meshes = [ColouredMesh(box(0.03, 2 * gap + 0.04, 0.25).moved(z=-long - 0.125), (*body, 1.0))]
    for side in (-1.0, 1.0):
        meshes.append(ColouredMesh(box(wide, thick, long).moved(y=side * gap, z=-long / 2), (*body, 1.0)))
        pad = box(wide * 1.15, thick * 1.3, long * 0.3).moved(y=side * gap * 0.98, z=-long * 0.15)
        meshes.append(ColouredMesh(pad, (*tip, 1.0)))
    return Gripper(tuple(meshes), long)


def draw_grasps(
    rng: np.random.Generator, objects: NDArray[np.float64], radius: float, reach: float
) -> NDArray[np.float64]:
    """Draw where the gripper is in each frame: poses [N, 7] in the camera's optical frame, m.

    The hand comes from any side of the picture and changes its grasp every few frames, so that it does not identify an
    episode, and it does not turn with the object.

    Args:
        rng: the random generator.
        objects: [N, 7], poses of the object.
        radius: of the object, m.
        reach: from 0 (the finger tips are at the rim of the object) to 1 (they often reach its middle).
    """
    poses = np.empty_like(objects)
    left = 0
    for frame, pose in enumerate(objects):
        if left == 0:
            left = int(rng.integers(2, 7))
            side, lean, roll = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.5), rng.uniform(-0.8, 0.8)
            depth = radius * (1.0 - rng.uniform(0.15, 0.3 + 0.6 * reach))
        left -= 1
        outward = np.array([np.cos(side), np.sin(side), -lean])
        outward /= np.linalg.norm(outward)
        across = np.cross(outward, [0.0, 0.0, 1.0])
        across /= np.linalg.norm(across)
        third = np.cross(outward, across)
        y = np.cos(roll) * across + np.sin(roll) * third
        x = np.cross(y, -outward)
        poses[frame, :3] = pose[:3] + outward * depth
        poses[frame, 3:] = from_matrix(np.column_stack([x, y, -outward]))
    return poses
