"""Actions of recorded columns: differences of what a data set says itself, alone or beside a pose."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from aassl_ros.data.pairs.actions import ActionSpace, choose_action_space
from aassl_ros.data.pairs.normalisation import Group
from aassl_ros.data.pairs.turns import turn_angle
from aassl_ros.errors import DataError

ZERO, ONE, TWO = np.array([0]), np.array([1]), np.array([2])
angles = st.floats(-1000, 1000)


def frames(names: tuple[str, ...], values: ArrayLike, object_pose: Any = None) -> Any:
    values = np.asarray(values, np.float64)
    unknown = np.full((len(values), 7), np.nan)
    return SimpleNamespace(
        stamps_ns=np.arange(len(values)),
        object_pose=unknown if object_pose is None else object_pose,
        tip_pose=unknown,
        recorded=values,
        recorded_names=names,
        joint_names=(),
    )


def poses(count: int) -> np.ndarray:
    return np.tile([0, 0, 0.5, 0, 0, 0, 1.0], (count, 1))


def test_the_action_is_the_difference_of_a_recorded_quantity_and_angles_wrap() -> None:
    states = frames(("height", "table_deg", "tilt_rad"), [[1, 350, 3.0], [3.5, 10, -3.0]])

    action = ActionSpace("recorded").displacement(states, ZERO, ONE)

    np.testing.assert_allclose(action, [[2.5, np.radians(20), 2 * np.pi - 6]], atol=1e-6)


def test_an_angle_with_6d_rotation_is_its_cosine_and_sine() -> None:
    states = frames(("height", "table_deg"), [[1, 350], [3.5, 80]])
    space = ActionSpace("recorded", "6d")

    np.testing.assert_allclose(space.displacement(states, ZERO, ONE), [[2.5, 0, 1]], atol=1e-6)
    assert space.groups(states) == (Group("height", 1), Group("table_deg", 2))


@given(angles, angles, angles)
@settings(max_examples=50)
def test_recorded_displacements_add_up_and_change_sign_when_frames_are_swapped(a: float, b: float, c: float) -> None:
    states = frames(("x", "turn_deg"), [[a, a], [b, b], [c, c]])
    space = ActionSpace("recorded")

    there, on, whole = (space.displacement(states, *pair)[0] for pair in ((ZERO, ONE), (ONE, TWO), (ZERO, TWO)))
    back = space.displacement(states, ONE, ZERO)[0]

    np.testing.assert_allclose(there[0] + on[0], whole[0], atol=1e-2)
    np.testing.assert_allclose(np.exp(1j * (there[1] + on[1])), np.exp(1j * whole[1]), atol=1e-4)
    np.testing.assert_allclose(np.exp(1j * (there[1] + back[1])), 1, atol=1e-4)
    assert abs(there[1]) <= np.pi + 1e-6


@given(angles, st.integers(-5, 5))
@settings(max_examples=50)
def test_full_turns_do_not_change_an_angle(angle: float, turns: int) -> None:
    states = frames(("turn_deg",), [[0], [angle], [angle + 360 * turns]])
    for form in ("vector", "6d"):
        space = ActionSpace("recorded", form)
        once, again = (space.displacement(states, ZERO, second) for second in (ONE, TWO))
        if form == "vector":
            once, again = np.exp(1j * once), np.exp(1j * again)
        np.testing.assert_allclose(once, again, atol=1e-5)


def test_recorded_columns_are_used_with_a_pose_if_every_frame_with_a_pose_has_them() -> None:
    states = frames(("focal", "rare"), [[1, np.nan], [1.5, 2], [2, 2]], poses(3))

    space = ActionSpace("object_pose").resolved(states)

    assert space.components == ("rotation", "translation", "focal")
    np.testing.assert_allclose(space.displacement(states, ZERO, ONE), [[0] * 6 + [0.5]], atol=1e-7)
    asked = ActionSpace("object_pose", components=("rotation", "rare"))
    np.testing.assert_array_equal(asked.usable(states), [False, True, True])
    assert asked.size(states) == 4


def test_a_minus_omits_a_component() -> None:
    states = frames(("focal",), [[1], [2]], poses(2))

    assert ActionSpace("object_pose", components=("-translation",)).resolved(states).components == ("rotation", "focal")
    with pytest.raises(DataError, match="keep some or omit some"):
        ActionSpace("object_pose", components=("rotation", "-focal")).resolved(states)
    with pytest.raises(DataError, match="leaves no component"):
        ActionSpace("recorded", components=("-focal",)).resolved(states)
    with pytest.raises(DataError, match="no component 'colour'"):
        ActionSpace("object_pose", components=("-colour",)).resolved(states)


def test_only_the_rotation_is_used_if_only_the_rotation_is_known() -> None:
    known = poses(2)
    known[:, :3] = np.nan
    states = frames((), np.zeros((2, 0)), known)
    space = ActionSpace("object_pose").resolved(states)

    assert space.components == ("rotation",)
    assert space.usable(states).all()
    assert choose_action_space(states) == "object_pose"
    np.testing.assert_allclose(space.displacement(states, ZERO, ONE), [[0, 0, 0]], atol=1e-7)


def test_the_turn_angle_is_the_only_recorded_angle_if_no_pose_is_known() -> None:
    one = frames(("x", "table_deg"), [[0, 350], [9, 20]])
    two = frames(("azimuth_deg", "elevation_deg"), [[0, 0], [9, 20]])

    np.testing.assert_allclose(turn_angle(one, ZERO, ONE), np.radians(30))
    assert np.isnan(turn_angle(two, ZERO, ONE)).all()
    assert choose_action_space(one) == "recorded"
    assert ActionSpace("turn_size").usable(one).all()
    assert not ActionSpace("turn_size").usable(two).any()
