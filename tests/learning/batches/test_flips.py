"""Pairs in a mirror: the action is that of the mirrored world."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.flips import mirror_images, mirror_signs
from aassl_ros.motion import rotations

MIRROR = np.diag([-1.0, 1.0, 1.0])
parts = st.sampled_from([("rotation",), ("translation",), ("rotation", "translation")])


def random_poses(seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    turns = np.stack([rotations.random_quaternion(rng) for _ in range(2)])
    return np.concatenate([rng.normal(size=(2, 3)), turns], axis=1)


def mirrored(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """x_cam = R x_obj + p in a mirror, the object's own frame mirrored with it: M R M, M p."""
    turned = rotations.from_matrix(MIRROR @ rotations.to_matrix(poses[:, 3:]) @ MIRROR)
    return np.concatenate([poses[:, :3] @ MIRROR, turned], axis=1)


def action(space: ActionSpace, poses: NDArray[np.float64]) -> NDArray[np.float32]:
    states = SimpleNamespace(object_pose=poses, recorded=np.zeros((2, 0)), recorded_names=())
    return space.displacement(states, np.array([0]), np.array([1]))  # type: ignore[arg-type]


@given(st.integers(0, 2**31), st.sampled_from(["vector", "6d"]), parts)
@settings(max_examples=60)
def test_a_mirrored_action_is_the_action_in_the_mirrored_world(seed: int, form: str, kept: tuple[str, ...]) -> None:
    space, poses = ActionSpace("object_pose", form, kept), random_poses(seed)

    signs, here, there = mirror_signs(space), action(space, poses), action(space, mirrored(poses))

    # A turn by half a circle has two rotation vectors.
    if form == "vector" and kept[0] == "rotation" and np.linalg.norm(here[0, :3]) > np.pi - 1e-3:
        return
    np.testing.assert_allclose(here * signs, there, atol=1e-5)


@given(st.integers(0, 2**31), st.sampled_from(["vector", "6d"]), parts)
@settings(max_examples=30)
def test_mirrored_twice_an_action_and_a_picture_are_as_before(seed: int, form: str, kept: tuple[str, ...]) -> None:
    space = ActionSpace("object_pose", form, kept)
    before = action(space, random_poses(seed))
    images = np.random.default_rng(seed).integers(0, 256, (3, 4, 5, 3), np.uint8)
    twice = images.copy()

    mirror_images(twice, np.array([0, 2]))
    np.testing.assert_array_equal(twice[[0, 2]], images[[0, 2], :, ::-1])
    np.testing.assert_array_equal(twice[1], images[1])
    mirror_images(twice, np.array([0, 2]))

    np.testing.assert_array_equal(twice, images)
    np.testing.assert_array_equal(before * mirror_signs(space) * mirror_signs(space), before)


def test_controls_that_know_no_direction_stay_as_they_are() -> None:
    for name, component in (("time", "seconds"), ("turn_size", "angle")):
        np.testing.assert_array_equal(mirror_signs(ActionSpace(name, components=(component,))), [1])


@pytest.mark.parametrize(
    "space",
    [
        ActionSpace("joints", components=("elbow",)),
        ActionSpace("commands", components=("elbow",)),
        ActionSpace("end_effector", components=("rotation", "translation")),
        ActionSpace("recorded", components=("table_deg",)),
        ActionSpace("object_pose", components=("rotation", "focal")),
    ],
)
def test_a_space_that_cannot_be_mirrored_is_refused(space: ActionSpace) -> None:
    with pytest.raises(
        ConfigError, match=rf"flip_probability is above 0, but actions of {space.name} .* cannot be mirrored"
    ):
        mirror_signs(space)
