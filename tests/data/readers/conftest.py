"""Scenes with known poses of the object, seen from any world frame, and small pictures, for copies of published
layouts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import object_displacement
from aassl_ros.data.pictures.pictures import PictureEpisode
from aassl_ros.motion import rotations

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """n cameras that look at one object. object_poses [n, 7]: the truth; cameras [n, 7]: the world's pose in each."""

    object_poses: Array
    sights: Array
    cameras: Array


@pytest.fixture
def make_scene() -> Callable[..., Scene]:
    def make(seed: int, count: int = 6, sights: Array | None = None, world: int = 0) -> Scene:
        """sights: where in the picture the object is, [n, 3]; world: another number, another turn and origin of the
        world.
        """
        rng = np.random.default_rng(seed)
        sights = np.tile([0.0, 0.0, 1.0], (count, 1)) if sights is None else sights
        poses = np.stack(
            [np.concatenate([rng.uniform(1, 3) * sight, rotations.random_quaternion(rng)]) for sight in sights]
        )
        frame = np.random.default_rng(1000 + world)
        world_in_object = np.concatenate([frame.uniform(-5, 5, 3), rotations.random_quaternion(frame)])
        return Scene(poses, sights, rotations.compose_poses(poses, world_in_object))

    return make


@pytest.fixture
def paint() -> Callable[[Path, int], bytes]:
    def paint(file: Path, shade: int) -> bytes:
        """Write a small picture of one shade of gray, wider than high; its bytes."""
        file.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(file), np.full((12, 16, 3), shade, np.uint8))
        return file.read_bytes()

    return paint


@pytest.fixture
def check_displacements() -> Callable[[PictureEpisode, Array], None]:
    def check(episode: PictureEpisode, truth: Array) -> None:
        """Between any two frames: the turn as it was, and the shift, in distances to the camera."""
        found = np.asarray(episode.states.object_pose)
        first, second = (pairs.ravel() for pairs in np.mgrid[0 : len(truth), 0 : len(truth)])
        turn, shift = object_displacement(found[first], found[second])
        true_turn, true_shift = object_displacement(truth[first], truth[second])
        np.testing.assert_allclose(rotations.angle_between(turn, true_turn), 0, atol=1e-6)
        np.testing.assert_allclose(shift, true_shift, atol=1e-6)

    return check
