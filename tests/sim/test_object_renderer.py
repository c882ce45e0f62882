"""Single objects are drawn at their pose, under the given lamp, with a pattern that turns with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from aassl_ros.motion.rotations import from_rotation_vector, multiply, random_quaternion, to_matrix
from aassl_ros.sim.backgrounds import draw_background, plain_background
from aassl_ros.sim.catalogue import Catalogue, ColouredMesh, ObjectModel
from aassl_ros.sim.categories.shapes import ellipsoid
from aassl_ros.sim.object_renderer import ObjectRenderer
from aassl_ros.sim.scaled_rng import scaled_rng
from aassl_ros.sim.surface import KINDS, Pattern, draw_pattern
from aassl_ros.sim.tiny_renderer import Lamp

SIZE = 48
FOV_DEG = 40.0
WHITE = Lamp(np.array([0.0, 0.0, -1.0]), 0.5, 0.5, 0.0, np.ones(3))


@pytest.fixture(scope="module")
def renderer() -> Iterator[ObjectRenderer]:
    with ObjectRenderer(SIZE) as renderer:
        yield renderer


def ball() -> ObjectModel:
    mesh = ellipsoid(0.1, 0.1, 0.1, rings=15, segments=24)
    return ObjectModel("ball_0000", "ball", (ColouredMesh(mesh, (0.6, 0.6, 0.6, 1.0)),), 0.1, np.full(3, 0.2))


def pose(turn: np.ndarray, x: float = 0.0, y: float = 0.0, z: float = 0.4) -> np.ndarray:
    return np.concatenate([[x, y, z], turn])


@pytest.mark.parametrize("category", ["airplane", "key", "teapot"])
def test_an_object_is_drawn_where_its_pose_says(renderer: ObjectRenderer, category: str) -> None:
    rng = np.random.default_rng(3)
    model = Catalogue().instance(category, 0)
    points = np.concatenate([part.mesh.vertices for part in model.meshes])
    poses = np.stack([pose(random_quaternion(rng), *rng.uniform(-0.02, 0.02, 2)) for _ in range(5)])

    renderer.set_object(model)
    pictures = renderer.render(poses, FOV_DEG, WHITE)

    focal = SIZE / 2 / np.tan(np.radians(FOV_DEG) / 2)
    for shot, at in zip(pictures.rgba, poses, strict=True):
        seen = points @ to_matrix(at[3:]).T + at[:3]
        expected = focal * seen[:, :2] / seen[:, 2:] + SIZE / 2
        rows, columns = np.nonzero(shot[..., 3] > 0)
        np.testing.assert_allclose([columns.min(), rows.min()], np.floor(expected.min(axis=0)), atol=1.0)
        np.testing.assert_allclose([columns.max(), rows.max()], np.floor(expected.max(axis=0)), atol=1.0)


def test_the_side_toward_the_lamp_is_the_bright_one(renderer: ObjectRenderer) -> None:
    renderer.set_object(ball())
    above = Lamp(np.array([0.0, -1.0, -0.3]), 0.3, 0.7, 0.0, np.array([1.0, 0.5, 0.5]))

    picture = renderer.render(pose(np.array([0, 0, 0, 1.0]))[None], FOV_DEG, above).rgba[0].astype(float)

    upper, lower = picture[SIZE // 2 - 8, SIZE // 2], picture[SIZE // 2 + 8, SIZE // 2]
    assert upper[0] > lower[0] + 40
    assert upper[0] > 1.3 * upper[1]


def test_a_pattern_stays_on_the_object_as_it_turns(renderer: ObjectRenderer) -> None:
    """If a ball turns by 180 degrees about the camera's axis, its picture turns by 180 degrees."""
    renderer.set_object(ball())
    stripes = Pattern("stripes", np.array([[150.0, 40.0, 90.0]], np.float32), np.zeros(1, np.float32),
                      np.array([0.2, 1.0, 1.5], np.float32))  # fmt: skip
    start = random_quaternion(np.random.default_rng(0))
    half = multiply(from_rotation_vector(np.array([0.0, 0.0, np.pi])), start)

    first, second = renderer.render(np.stack([pose(start), pose(half)]), FOV_DEG, WHITE, stripes).rgba.astype(int)

    assert np.abs(first - second[::-1, ::-1]).mean() < 2.0
    assert np.abs(first - second).mean() > 5.0


def test_the_background_shows_where_the_object_is_not(renderer: ObjectRenderer) -> None:
    renderer.set_object(ball())
    renderings = renderer.render(np.stack([pose(np.array([0, 0, 0, 1.0]))] * 2), FOV_DEG, WHITE)
    rng = np.random.default_rng(0)
    backgrounds = np.stack([draw_background(rng, SIZE), plain_background(SIZE)])

    pictures = renderings.over(backgrounds)

    np.testing.assert_allclose(pictures[:, 0], backgrounds[:, 0] * 255, atol=0.51)
    np.testing.assert_array_equal(pictures[0, SIZE // 2, SIZE // 2], pictures[1, SIZE // 2, SIZE // 2])


def test_patterns_of_every_kind_occur_and_strength_0_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.1, 0.1, (200, 3)).astype(np.float32)
    patterns = [draw_pattern(rng, 0.8) for _ in range(60)]

    assert {pattern.kind for pattern in patterns} == set(KINDS)
    for pattern in patterns:
        factor = pattern.factor(points)
        assert np.all((factor > 0.0) & (factor < 2.0))
        assert pattern.kind == "plain" or np.ptp(factor) > 0.02
    np.testing.assert_array_equal(draw_pattern(rng, 0.0).factor(points), 1.0)


def test_a_scaled_generator_draws_nearer_the_middle() -> None:
    usual, half, none = (scaled_rng(np.random.PCG64(1), variation) for variation in (1.0, 0.5, 0.0))

    assert usual.uniform(2.0, 4.0) == np.random.default_rng(1).uniform(2.0, 4.0)
    drawn = [half.uniform(2.0, 4.0) for _ in range(200)]
    assert 2.5 <= min(drawn) < 2.6
    assert 3.4 < max(drawn) <= 3.5
    assert {half.integers(4) for _ in range(50)} == {1, 2}
    assert (none.uniform(2.0, 4.0), none.random(), none.integers(3), none.choice(["a", "b", "c"])) == (3.0, 0.5, 1, "b")
