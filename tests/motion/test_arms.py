"""Arm descriptions: those that are included, and the errors of wrong files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pybullet
import pytest
import yaml

from aassl_ros.errors import ConfigError
from aassl_ros.motion.arms import known_arms, load_arm
from aassl_ros.paths import share

ARMS = ("iiwa", "panda", "so101", "ur5e", "xarm6")


def changed(tmp_path: Path, **changes: object) -> Path:
    """The panda's file with some keys changed; None removes a key."""
    values = yaml.safe_load(share("sim/arms/panda.yaml").read_text()) | changes
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}))
    return path


def test_five_arms_are_included():
    assert known_arms() == ARMS


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_agrees_with_its_urdf(name):
    arm = load_arm(name)
    chain = arm.chain()
    assert arm.name == name
    assert chain.joint_names == arm.joints
    assert np.all(np.array(arm.velocity_limits) <= chain.velocity_limits)


@pytest.mark.parametrize("name", ARMS)
def test_at_home_the_camera_looks_at_the_object_and_the_tip_is_well_inside_its_box(name):
    arm = load_arm(name)
    place, _, _ = arm.chain().point_jacobian(np.array(arm.home), arm.object_offset[:3])
    assert np.linalg.norm(place - arm.camera_target) < 0.03
    tip = arm.chain().forward(arm.home)[:3]
    assert np.all(tip - arm.box_limits[:, 0] > 0.05)
    assert np.all(arm.box_limits[:, 1] - tip > 0.05)


@pytest.mark.parametrize("name", ARMS)
def test_gripper_joints_are_the_urdfs(name):
    arm = load_arm(name)
    client = pybullet.connect(pybullet.DIRECT)
    body = pybullet.loadURDF(str(arm.urdf_path()), useFixedBase=True, physicsClientId=client)
    count = pybullet.getNumJoints(body, physicsClientId=client)
    names = {pybullet.getJointInfo(body, index, physicsClientId=client)[1].decode() for index in range(count)}
    pybullet.disconnect(client)
    assert set(arm.gripper_joints) <= names


def test_your_own_arm_is_loaded_by_its_path(tmp_path):
    assert load_arm(changed(tmp_path, name="mine")).name == "mine"


def test_the_error_for_an_unknown_arm_lists_the_known_ones():
    with pytest.raises(ConfigError, match="'puma' is unknown, expected one of iiwa, panda, so101, ur5e, xarm6"):
        load_arm("puma")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speed": 3}, "unknown key 'speed'"),
        ({"home": None}, "key 'home' is missing"),
        ({"home": [0.0, 1.0]}, "home has 2 values, expected 7"),
        ({"home": [9.0, -0.4, 0, -2.4, 0, 2.6, 0]}, "home is outside"),
        ({"velocity_limits": [0.0] * 7}, "velocity_limits"),
        ({"box": [0.7, 0.4, -1, 1, 0, 1]}, "box"),
        ({"wrist_joints": ["nose"]}, "wrist_joints names 'nose'"),
        ({"object_offset": [0, 0, 0, 0, 0, 0, 0]}, "quaternion has length 0"),
        ({"camera_fov_deg": "wide"}, "camera_fov_deg = 'wide', expected a number"),
        ({"jerk_limits": [1.0]}, "jerk_limits has 1 values, expected 7"),
        ({"jerk_limits": [-1.0] * 7}, "jerk_limits = .*, expected numbers above 0"),
        ({"command_sources": ["arm"]}, "command_sources contains 'arm', expected NAME:TOPIC"),
        ({"joints": "all"}, "joints = 'all', expected a list"),
    ],
)
def test_a_wrong_arm_is_refused_with_file_and_key(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message) as reported:
        load_arm(changed(tmp_path, **change))
    assert "mine.yaml" in str(reported.value)


@pytest.mark.parametrize("text", ["just words", "- a list", "a: [", "\tx: 1"])
def test_a_file_that_describes_no_arm_is_refused(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        load_arm(path)


def test_limits_wider_than_the_urdfs_are_refused(tmp_path):
    arm = load_arm(changed(tmp_path, highest_positions=[9.0, 0.7, 1.0, -1.2, 1.6, 3.7, 2.7]))
    with pytest.raises(ConfigError, match="position limits of panda_joint1 are wider"):
        arm.chain()


def test_a_missing_urdf_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no URDF file at /nowhere"):
        load_arm(changed(tmp_path, urdf="/nowhere/arm.urdf")).chain()


def test_a_urdf_may_be_named_by_its_package(tmp_path, monkeypatch):
    folder = tmp_path / "install" / "share" / "my_description" / "urdf"
    folder.mkdir(parents=True)
    (folder / "panda.urdf").write_text(load_arm("panda").urdf_path().read_text())
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "install"))
    arm = load_arm(changed(tmp_path, urdf="package://my_description/urdf/panda.urdf"))
    assert arm.urdf_path() == folder / "panda.urdf"
    missing = load_arm(changed(tmp_path, urdf="package://other_description/panda.urdf"))
    with pytest.raises(ConfigError, match=r"no file package://other_description/panda\.urdf found"):
        missing.urdf_path()
