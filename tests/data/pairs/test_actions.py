from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace, choose_action_space
from aassl_ros.data.pairs.normalisation import Group, Normalisation
from aassl_ros.data.pairs.turns import turn_angle
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

ZERO, ONE, TWO = np.array([0]), np.array([1]), np.array([2])


@dataclass
class Recorded:
    """States of three frames unless told otherwise; nothing is known that is not given."""

    stamps_ns: NDArray[np.int64] = field(default_factory=lambda: np.arange(3) * 100_000_000)
    joint_position: NDArray[np.float32] = field(default_factory=lambda: np.zeros((3, 0), np.float32))
    joint_command: NDArray[np.float32] = field(default_factory=lambda: np.zeros((3, 0), np.float32))
    object_pose: NDArray[np.float64] = field(default_factory=lambda: np.full((3, 7), np.nan))
    tip_pose: NDArray[np.float64] = field(default_factory=lambda: np.full((3, 7), np.nan))
    recorded: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 0)))
    joint_names: tuple[str, ...] = ()
    command_names: tuple[str, ...] = ()
    continuous_joints: tuple[str, ...] = ()
    recorded_names: tuple[str, ...] = ()


def random_poses(seed: int, count: int = 3) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    turns = np.stack([rotations.random_quaternion(rng) for _ in range(count)])
    return np.concatenate([rng.normal(size=(count, 3)), turns], axis=1)


seeds = st.integers(0, 2**31)
rotation_forms = st.sampled_from(["vector", "6d"])


@given(seeds, rotation_forms)
@settings(max_examples=50)
def test_end_effector_actions_do_not_depend_on_the_world_frame(seed: int, form: str) -> None:
    poses = random_poses(seed)
    world = random_poses(seed + 1, 1)
    space = ActionSpace("end_effector", form)

    here = space.displacement(Recorded(tip_pose=poses), ZERO, ONE)
    elsewhere = space.displacement(Recorded(tip_pose=rotations.compose_poses(world, poses)), ZERO, ONE)

    np.testing.assert_allclose(here, elsewhere, atol=1e-5)


@given(seeds, rotation_forms)
@settings(max_examples=50)
def test_object_actions_do_not_depend_on_the_orientation_of_the_objects_frame(seed: int, form: str) -> None:
    """Where an object's front is, is a convention of its model: x_cam = R x_obj + p must not depend on it."""
    poses = random_poses(seed)
    front = np.concatenate([np.zeros((1, 3)), random_poses(seed + 1, 1)[:, 3:]], axis=1)
    space = ActionSpace("object_pose", form)

    here = space.displacement(Recorded(object_pose=poses), ZERO, ONE)
    renamed = space.displacement(Recorded(object_pose=rotations.compose_poses(poses, front)), ZERO, ONE)

    np.testing.assert_allclose(here, renamed, atol=1e-5)


@given(seeds)
@settings(max_examples=50)
def test_an_object_twice_as_far_and_twice_as_large_has_the_same_action(seed: int) -> None:
    """One camera cannot tell the two apart, so the action must not either."""
    near = random_poses(seed)
    far = near * np.array([2, 2, 2, 1, 1, 1, 1])
    space = ActionSpace("object_pose")

    np.testing.assert_allclose(
        space.displacement(Recorded(object_pose=near), ZERO, ONE),
        space.displacement(Recorded(object_pose=far), ZERO, ONE),
        atol=1e-5,
    )


@given(seeds, st.sampled_from(["object_pose", "end_effector"]))
@settings(max_examples=50)
def test_swapping_the_frames_gives_the_inverse_rotation(seed: int, name: str) -> None:
    poses = random_poses(seed)
    recorded = Recorded(object_pose=poses, tip_pose=poses)
    space = ActionSpace(name, components=("rotation",))

    there, back = space.displacement(recorded, ZERO, ONE), space.displacement(recorded, ONE, ZERO)

    product = rotations.multiply(rotations.from_rotation_vector(there), rotations.from_rotation_vector(back))
    np.testing.assert_allclose(np.abs(product[:, 3]), 1, atol=1e-5)


@given(seeds)
@settings(max_examples=50)
def test_two_object_rotations_in_sequence_compose(seed: int) -> None:
    recorded = Recorded(object_pose=random_poses(seed))
    space = ActionSpace("object_pose", components=("rotation",))

    def turn(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
        return rotations.from_rotation_vector(space.displacement(recorded, first, second))

    composed = rotations.multiply(turn(ONE, TWO), turn(ZERO, ONE))
    np.testing.assert_allclose(rotations.angle_between(composed, turn(ZERO, TWO)), 0, atol=1e-4)


@given(seeds)
@settings(max_examples=50)
def test_two_end_effector_motions_in_sequence_compose(seed: int) -> None:
    recorded = Recorded(tip_pose=random_poses(seed))
    space = ActionSpace("end_effector")

    def move(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
        action = space.displacement(recorded, first, second)
        return np.concatenate([action[:, 3:], rotations.from_rotation_vector(action[:, :3])], axis=1)

    composed, whole = rotations.compose_poses(move(ZERO, ONE), move(ONE, TWO)), move(ZERO, TWO)
    np.testing.assert_allclose(composed[:, :3], whole[:, :3], atol=1e-4)
    np.testing.assert_allclose(rotations.angle_between(composed[:, 3:], whole[:, 3:]), 0, atol=1e-4)


@given(seeds, st.sampled_from(["object_pose", "end_effector", "turn_size"]), rotation_forms)
@settings(max_examples=50)
def test_a_quaternion_and_its_negative_are_the_same_rotation(seed: int, name: str, form: str) -> None:
    poses = random_poses(seed)
    flipped = poses * np.array([1, 1, 1, -1, -1, -1, -1])
    flipped[0] = poses[0]
    space = ActionSpace(name, form)

    np.testing.assert_allclose(
        space.displacement(Recorded(object_pose=poses, tip_pose=poses), ZERO, ONE),
        space.displacement(Recorded(object_pose=flipped, tip_pose=flipped), ZERO, ONE),
        atol=1e-5,
    )


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(-20, 20), st.integers(-3, 3))
@settings(max_examples=50)
def test_joint_displacements_add_up_and_full_turns_of_a_continuous_joint_change_nothing(
    a: float, b: float, c: float, turns: int
) -> None:
    def recorded(extra: float) -> Recorded:
        positions = np.array([[a, a], [b + extra, b], [c, c]], np.float32)
        return Recorded(joint_position=positions, joint_names=("wheel", "elbow"), continuous_joints=("wheel",))

    space = ActionSpace("joints")
    there, on, whole = (space.displacement(recorded(0), *pair)[0] for pair in ((ZERO, ONE), (ONE, TWO), (ZERO, TWO)))
    turned = space.displacement(recorded(2 * np.pi * turns), ZERO, ONE)[0]

    np.testing.assert_allclose(np.exp(1j * (there[0] + on[0])), np.exp(1j * whole[0]), atol=1e-4)
    np.testing.assert_allclose(np.exp(1j * turned[0]), np.exp(1j * there[0]), atol=1e-4)
    np.testing.assert_allclose(there[1] + on[1], whole[1], atol=1e-4)
    np.testing.assert_allclose(space.displacement(recorded(0), ONE, ZERO)[0, 1], -there[1], atol=1e-5)
    assert abs(turned[0]) <= np.pi + 1e-5


def test_a_continuous_joint_wraps_around_and_a_revolute_one_does_not() -> None:
    angles = np.array([[3.0, 3.0], [-3.0, -3.0], [0, 0]], np.float32)
    recorded = Recorded(joint_position=angles, joint_names=("wheel", "elbow"), continuous_joints=("wheel",))

    action = ActionSpace("joints").displacement(recorded, ZERO, ONE)

    np.testing.assert_allclose(action, [[2 * np.pi - 6, -6]], atol=1e-6)


def test_joints_are_kept_and_omitted_by_name() -> None:
    recorded = Recorded(joint_position=np.arange(9, dtype=np.float32).reshape(3, 3) ** 2, joint_names=("a", "b", "c"))
    space = ActionSpace("joints", components=("c", "a"))

    np.testing.assert_allclose(space.displacement(recorded, ZERO, ONE), [[25 - 4, 9 - 0]])
    assert space.groups(recorded) == (Group("joints", 2),)


def test_commands_are_usable_only_from_the_first_command_on() -> None:
    commands = np.array([[np.nan], [1.0], [3.5]], np.float32)
    recorded = Recorded(joint_command=commands, command_names=("a",))
    space = ActionSpace("commands")

    np.testing.assert_array_equal(space.usable(recorded), [False, True, True])
    np.testing.assert_allclose(space.displacement(recorded, ONE, TWO), [[2.5]])
    assert np.isnan(space.displacement(recorded, ZERO, ONE)).all()


def test_time_and_turn_size_depend_on_nothing_else() -> None:
    poses = np.zeros((3, 7))
    poses[:, 3:] = rotations.from_rotation_vector([[0, 0, 0], [0, 0, 0.5], [-0.25, 0, 0]])
    recorded = Recorded(tip_pose=poses)

    np.testing.assert_allclose(ActionSpace("time").displacement(recorded, TWO, ZERO), [[-0.2]])
    np.testing.assert_allclose(ActionSpace("turn_size").displacement(recorded, ZERO, ONE), [[0.5]], atol=1e-6)
    np.testing.assert_allclose(ActionSpace("turn_size").displacement(recorded, ONE, ZERO), [[0.5]], atol=1e-6)


def test_the_turn_angle_uses_the_pose_of_the_object_or_else_of_the_tip() -> None:
    turning = np.zeros((3, 7))
    turning[:, 3:] = rotations.from_rotation_vector([[0, 0, 0], [0, 0, 0.5], [0, 0, 2]])
    tips = random_poses(0)
    known_at_first = turning.copy()
    known_at_first[2] = np.nan
    recorded = Recorded(object_pose=known_at_first, tip_pose=tips)

    angles = turn_angle(recorded, np.array([0, 0]), np.array([1, 2]))

    expected_tip = rotations.angle_between(tips[0, 3:], tips[2, 3:])
    np.testing.assert_allclose(angles, [0.5, expected_tip], atol=1e-6)


def test_the_default_is_the_best_space_that_the_data_have() -> None:
    poses = random_poses(0)
    mostly_unknown = poses.copy()
    mostly_unknown[:2] = np.nan
    joints = {"joint_position": np.zeros((3, 1), np.float32), "joint_names": ("a",)}

    assert choose_action_space(Recorded(object_pose=poses, tip_pose=poses, **joints)) == "object_pose"
    assert choose_action_space(Recorded(object_pose=mostly_unknown, tip_pose=poses, **joints)) == "end_effector"
    assert choose_action_space(Recorded(**joints)) == "joints"
    assert choose_action_space(Recorded()) == "time"


@pytest.mark.parametrize(("form", "size"), [("vector", 6), ("6d", 9)])
def test_an_action_is_as_wide_as_its_groups(form: str, size: int) -> None:
    recorded = Recorded(tip_pose=random_poses(0))
    space = ActionSpace("end_effector", form)

    assert space.size(recorded) == size == space.displacement(recorded, ZERO, ONE).shape[1]
    assert space.resolved(recorded).components == ("rotation", "translation")
    assert ActionSpace.from_json(space.to_json()) == space


def test_the_scale_is_that_of_the_entry_that_varies_most_and_is_robust_to_outliers() -> None:
    rng = np.random.default_rng(0)
    actions = rng.normal(size=(10_001, 6)).astype(np.float32) * [1, 1, 0, 10, 10, 10] + 5
    actions[0] = 1e6
    groups = (Group("rotation", 3), Group("translation", 3))

    normalisation = Normalisation.measure(actions, groups)

    np.testing.assert_allclose(normalisation.scale[:3], 1.349, rtol=0.03)
    np.testing.assert_allclose(normalisation.scale[3:], 13.49, rtol=0.03)
    np.testing.assert_allclose(np.median(normalisation(actions), axis=0), 0, atol=1e-5)
    restored = Normalisation.from_json(normalisation.to_json())
    np.testing.assert_array_equal(restored.scale, normalisation.scale)


def test_a_joint_that_rarely_moves_is_scaled_by_the_range_of_its_motion() -> None:
    rng = np.random.default_rng(0)
    turn, zoom = rng.normal(size=(10_000, 1)), rng.normal(scale=0.2, size=(10_000, 1)) * (rng.random((10_000, 1)) < 0.3)
    actions = np.concatenate([turn, zoom], axis=1).astype(np.float32)

    normalised = Normalisation.measure(actions, (Group("rotation", 1), Group("focal", 1)))(actions)

    assert 0.1 < normalised[:, 1].std() < 1


def test_a_part_of_the_pose_that_few_frames_have_is_omitted_by_default() -> None:
    poses = random_poses(0)
    poses[1:, :3] = np.nan
    assert ActionSpace("object_pose").resolved(Recorded(object_pose=poses)).components == ("rotation",)


def test_an_entry_without_variation_stays_finite() -> None:
    actions = np.array([[0, 1], [0, 2], [0, 3]], np.float32)

    normalised = Normalisation.measure(actions, (Group("rotation", 1), Group("translation", 1)))(actions)

    assert np.isfinite(normalised).all()
    np.testing.assert_array_equal(normalised[:, 0], 0)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: ActionSpace("telepathy"), "'telepathy' is unknown, expected one of object_pose"),
        (lambda: ActionSpace("joints", "euler"), "rotation 'euler' is unknown"),
        (lambda: ActionSpace("joints").resolved(Recorded()), "have no column for it"),
        (lambda: ActionSpace("end_effector", components=("colour",)).resolved(Recorded()), "no component 'colour'"),
        (lambda: Normalisation.measure(np.ones((9, 2), np.float32), (Group("joints", 2),)), "did not move"),
        (lambda: Normalisation.measure(np.full((9, 2), np.nan, np.float32), (Group("joints", 2),)), "no pair"),
        (lambda: Normalisation(np.zeros(2), np.ones(2))(np.zeros((4, 3), np.float32)), "3 entries, expected 2"),
    ],
)
def test_errors_name_what_is_wrong(act: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        act()  # type: ignore[operator]
