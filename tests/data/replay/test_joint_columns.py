"""Robots of one kind may name their joints differently."""

from __future__ import annotations

import pytest

from aassl_ros.data.replay.joint_columns import same_joints


@pytest.mark.parametrize(
    ("wanted", "names", "found"),
    [
        (("a", "b"), ("b", "a"), ("a", "b")),
        (("a", "b"), ("b", "c"), ("", "b")),
        (("left_joint1", "left_joint2"), ("right_joint2", "right_joint1"), ("right_joint1", "right_joint2")),
        (("joint1", "joint2"), ("ur/joint1", "ur/joint2"), ("ur/joint1", "ur/joint2")),
        (("joint1", "joint2"), ("elbow", "wrist"), ("", "")),
        (("left_arm",), ("right_arm",), ("right_arm",)),
        ((), ("a",), ()),
        (("a",), (), ("",)),
    ],
)
def test_joints_that_mean_the_same_are_found(
    wanted: tuple[str, ...], names: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert same_joints(wanted, names) == found
