"""Rotations and poses obey the laws of rotations and agree with PyBullet's."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pybullet
import pytest
from hypothesis import given

from aassl_ros.motion import rotations

vectors = arrays.arrays(np.float64, (3,), elements=st.floats(-10, 10))
small_vectors = arrays.arrays(np.float64, (3,), elements=st.floats(-1.7, 1.7))
quaternions = small_vectors.map(rotations.from_rotation_vector)
poses = st.tuples(vectors, quaternions).map(np.concatenate)


def same_rotation(first: np.ndarray, second: np.ndarray) -> bool:
    return np.allclose(np.abs(np.sum(first * second, axis=-1)), 1, atol=1e-9)


@given(quaternions, quaternions)
def test_multiplying_quaternions_multiplies_their_matrices(first, second):
    product = rotations.to_matrix(rotations.multiply(first, second))
    assert np.allclose(product, rotations.to_matrix(first) @ rotations.to_matrix(second), atol=1e-9)


@given(quaternions)
def test_a_quaternion_survives_conversion_to_a_matrix_and_back(quaternion):
    assert same_rotation(rotations.from_matrix(rotations.to_matrix(quaternion)), quaternion)


@given(small_vectors)
def test_a_rotation_vector_below_half_a_turn_survives_conversion_and_back(vector):
    assert np.allclose(rotations.to_rotation_vector(rotations.from_rotation_vector(vector)), vector, atol=1e-9)


@pytest.mark.parametrize("axis", np.eye(3))
@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-6, np.pi - 1e-6, np.pi])
def test_tiny_and_half_turns_keep_their_size(axis, angle):
    quaternion = rotations.from_rotation_vector(axis * angle)
    assert np.linalg.norm(rotations.to_rotation_vector(quaternion)) == pytest.approx(angle, abs=1e-12)
    assert same_rotation(rotations.from_matrix(rotations.to_matrix(quaternion)), quaternion)


@given(quaternions, vectors)
def test_turning_a_vector_is_multiplying_it_by_the_matrix(quaternion, vector):
    assert np.allclose(rotations.rotate(quaternion, vector), rotations.to_matrix(quaternion) @ vector, atol=1e-8)


@given(quaternions, quaternions)
def test_the_angle_between_rotations_does_not_depend_on_order_or_sign(first, second):
    angle = rotations.angle_between(first, second)
    assert angle == pytest.approx(rotations.angle_between(second, first), abs=1e-7)
    assert angle == pytest.approx(rotations.angle_between(-first, second), abs=1e-7)
    cosine = (np.trace(rotations.to_matrix(first).T @ rotations.to_matrix(second)) - 1) / 2
    assert np.cos(angle) == pytest.approx(cosine, abs=1e-9)


@given(poses, poses, poses)
def test_composing_poses_is_associative(first, second, third):
    left = rotations.compose_poses(rotations.compose_poses(first, second), third)
    right = rotations.compose_poses(first, rotations.compose_poses(second, third))
    assert np.allclose(left[:3], right[:3], atol=1e-7)
    assert same_rotation(left[3:], right[3:])


@given(poses)
def test_a_pose_times_its_inverse_is_the_identity(pose):
    still = rotations.compose_poses(rotations.invert_pose(pose), pose)
    assert np.allclose(still[:3], 0, atol=1e-7)
    assert same_rotation(still[3:], np.array([0.0, 0.0, 0.0, 1.0]))


@given(st.tuples(*[st.floats(-3, 3)] * 3))
def test_roll_pitch_yaw_are_those_of_urdf_as_pybullet_reads_them(angles):
    assert same_rotation(rotations.from_roll_pitch_yaw(angles), np.array(pybullet.getQuaternionFromEuler(angles)))


@given(quaternions)
def test_six_numbers_of_a_rotation_are_its_first_two_columns(quaternion):
    matrix = rotations.to_matrix(quaternion)
    assert np.array_equal(rotations.matrix_to_6d(matrix), np.concatenate([matrix[:, 0], matrix[:, 1]]))


def test_every_function_gives_the_same_for_arrays_as_for_single_values():
    rng = np.random.default_rng(0)
    first = np.stack([rotations.random_quaternion(rng) for _ in range(12)]).reshape(3, 4, 4)
    second = np.stack([rotations.random_quaternion(rng) for _ in range(12)]).reshape(3, 4, 4)
    for function in (rotations.inverse, rotations.to_matrix, rotations.to_rotation_vector):
        assert np.allclose(function(first)[1, 2], function(first[1, 2]))
    for function in (rotations.multiply, rotations.angle_between):
        assert np.allclose(function(first, second)[1, 2], function(first[1, 2], second[1, 2]))
    matrices = rotations.to_matrix(first)
    assert same_rotation(rotations.from_matrix(matrices), first)
    assert rotations.matrix_to_6d(matrices).shape == (3, 4, 6)
    placed = np.concatenate([rng.standard_normal((3, 4, 3)), first], axis=-1)
    assert np.allclose(rotations.invert_pose(rotations.invert_pose(placed)), placed)


def test_random_rotations_are_uniform_and_repeat_with_their_seed():
    rng = np.random.default_rng(1)
    drawn = rotations.to_matrix(np.stack([rotations.random_quaternion(rng) for _ in range(4000)]))
    assert np.allclose(drawn.mean(axis=0), 0, atol=0.05)
    assert np.array_equal(
        rotations.random_quaternion(np.random.default_rng(7)), rotations.random_quaternion(np.random.default_rng(7))
    )
