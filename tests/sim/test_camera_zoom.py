"""The simulated camera's zoom."""

from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.motion.arms import load_arm
from aassl_ros.sim.camera import Camera, zoomed_fov_deg
from aassl_ros.sim.world import World, WorldSettings


@pytest.mark.parametrize("zoom", [0.5, 1.0, 1.35, 3.0])
def test_everything_is_seen_larger_by_the_zoom(zoom: float) -> None:
    position, target, point = np.array([1.0, 0.2, 0.5]), np.array([0.0, 0.0, 0.4]), np.array([0.02, 0.03, 1.0])
    plain = Camera(position, target, 40.0, 128).project(point)
    zoomed = Camera(position, target, zoomed_fov_deg(40.0, zoom), 128).project(point)
    middle = 63.5
    np.testing.assert_allclose(zoomed - middle, zoom * (plain - middle))


def test_the_zoomed_picture_is_the_middle_of_the_plain_one() -> None:
    arm = load_arm("panda")
    with (
        World(arm, WorldSettings(image_size=128)) as plain,
        World(arm, WorldSettings(image_size=64, camera_zoom=2.0)) as zoomed,
    ):
        assert zoomed.camera_matrix()[0, 0] == pytest.approx(plain.camera_matrix()[0, 0])
        middle, found = plain.render()[32:96, 32:96].astype(float), zoomed.render().astype(float)
    assert np.abs(middle - found).mean() < 3.0
    assert middle.std() > 10.0
