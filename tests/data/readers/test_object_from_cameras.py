from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aassl_ros.data.readers.object_from_cameras import object_poses
from aassl_ros.motion import rotations


def test_the_object_is_where_all_cameras_look(make_scene: Callable) -> None:
    scene = make_scene(1)

    poses = object_poses(scene.cameras)

    np.testing.assert_allclose(poses[:, :3], scene.object_poses[:, :3], atol=1e-9)


def test_a_camera_with_a_wrong_pose_moves_the_object_little(make_scene: Callable) -> None:
    scene = make_scene(2, count=12)
    cameras = scene.cameras.copy()
    cameras[3, :3] += 40.0

    poses = object_poses(cameras)

    others = np.arange(12) != 3
    np.testing.assert_allclose(poses[others, :3], scene.object_poses[others, :3], atol=0.05)


def test_a_camera_of_unknown_pose_does_not_change_the_others(make_scene: Callable) -> None:
    scene = make_scene(3)
    cameras = scene.cameras.copy()
    cameras[2] = np.nan

    poses = object_poses(cameras)

    assert np.isnan(poses[2]).all()
    np.testing.assert_allclose(np.delete(poses[:, :3], 2, 0), np.delete(scene.object_poses[:, :3], 2, 0), atol=1e-9)


def test_parallel_cameras_give_no_object_pose() -> None:
    cameras = np.zeros((5, 7))
    cameras[:, 0] = np.arange(5)
    cameras[:, 6] = 1.0

    assert np.isnan(object_poses(cameras)).all()


def test_cameras_that_look_outwards_give_no_object_pose() -> None:
    """As in a room: their lines of sight meet behind them."""
    outwards = np.zeros((8, 7))
    outwards[:, 2] = -1.0
    outwards[:, 3:] = rotations.from_rotation_vector(np.linspace(0, 5, 8)[:, None] * [0.0, 1.0, 0.0])

    assert np.isnan(object_poses(outwards)).all()


def test_one_camera_gives_no_object_pose(make_scene: Callable) -> None:
    assert np.isnan(object_poses(make_scene(4, count=1).cameras)).all()
