"""Forward kinematics agrees with PyBullet's for every arm, and wrong URDFs are refused."""

from __future__ import annotations

import numpy as np
import pybullet
import pytest

from aassl_ros.errors import ConfigError
from aassl_ros.motion import rotations
from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.kinematics import Chain

ARMS = ("panda", "iiwa", "xarm6", "ur5e", "so101")


def random_positions(name: str, count: int) -> np.ndarray:
    limits = load_arm(name).chain().position_limits
    return np.random.default_rng(0).uniform(limits[:, 0], limits[:, 1], (count, len(limits)))


@pytest.mark.parametrize("name", ARMS)
def test_the_tip_is_where_pybullet_says(name):
    arm, chain = load_arm(name), load_arm(name).chain()
    client = pybullet.connect(pybullet.DIRECT)
    body = pybullet.loadURDF(str(arm.urdf_path()), useFixedBase=True, physicsClientId=client)
    infos = [pybullet.getJointInfo(body, i, physicsClientId=client) for i in range(pybullet.getNumJoints(body))]
    joint_index = {info[1].decode(): info[0] for info in infos}
    link_index = {info[12].decode(): info[0] for info in infos}
    for positions in random_positions(name, 30):
        for joint, position in zip(arm.joints, positions, strict=True):
            pybullet.resetJointState(body, joint_index[joint], position, physicsClientId=client)
        state = pybullet.getLinkState(
            body, link_index[arm.tip_link], computeForwardKinematics=True, physicsClientId=client
        )
        tip = chain.forward(positions)
        assert tip[:3] == pytest.approx(state[4], abs=1e-6)
        assert rotations.angle_between(tip[3:], state[5]) < 1e-6
    pybullet.disconnect(client)


@pytest.mark.parametrize("name", ARMS)
def test_many_positions_at_once_give_the_same_as_one_by_one(name):
    chain = load_arm(name).chain()
    positions = random_positions(name, 6).reshape(2, 3, -1)
    assert np.allclose(chain.forward(positions)[1, 2], chain.forward(positions[1, 2]))


@pytest.mark.parametrize("name", ARMS)
def test_the_jacobian_is_the_slope_of_the_forward_kinematics(name):
    arm, chain = load_arm(name), load_arm(name).chain()
    point, step = np.array(arm.object_offset[:3]), 1e-6
    for positions in random_positions(name, 5):
        place, rotation, jacobian = chain.point_jacobian(positions, point)
        for joint in range(len(positions)):
            moved = positions + step * np.eye(len(positions))[joint]
            place_after, rotation_after, _ = chain.point_jacobian(moved, point)
            turn = rotations.to_rotation_vector(rotations.from_matrix(rotation_after @ rotation.T))
            assert (place_after - place) / step == pytest.approx(jacobian[:3, joint], abs=1e-5)
            assert turn / step == pytest.approx(jacobian[3:, joint], abs=1e-5)


# The manufacturer's DH parameters of the UR5e: d, a (m), alpha (rad). The frame of ROS is turned by 180 degrees.
UR5E_DH = (
    (0.1625, 0.0, np.pi / 2),
    (0.0, -0.425, 0.0),
    (0.0, -0.3922, 0.0),
    (0.1333, 0.0, np.pi / 2),
    (0.0997, 0.0, -np.pi / 2),
    (0.0996, 0.0, 0.0),
)


def test_the_ur5e_has_the_manufacturers_kinematics():
    chain = load_arm("ur5e").chain()
    for positions in random_positions("ur5e", 20):
        frame = np.diag([-1.0, -1.0, 1.0, 1.0])
        for angle, (d, a, alpha) in zip(positions, UR5E_DH, strict=True):
            turn, twist = rotations.from_rotation_vector(np.array([[0, 0, angle], [alpha, 0, 0]]))
            step = np.eye(4)
            step[:3, :3] = rotations.to_matrix(rotations.multiply(turn, twist))
            step[:3, 3] = (a * np.cos(angle), a * np.sin(angle), d)
            frame = frame @ step
        tip = chain.forward(positions)
        assert tip[:3] == pytest.approx(frame[:3, 3], abs=1e-9)
        assert rotations.to_matrix(tip[3:]) == pytest.approx(frame[:3, :3], abs=1e-9)


def test_the_so101_is_as_long_as_it_is_and_reaches_forward_at_zero():
    tip = load_arm("so101").chain().forward(np.zeros(5))
    assert tip[:3] == pytest.approx([0.0208, -0.2777, 0.2671], abs=2e-3)


SLIDER = """
<robot name="slider">
  <link name="base"/><link name="cart"/><link name="wheel"/><link name="tip"/>
  <joint name="mount" type="fixed"><parent link="wheel"/><child link="tip"/><origin xyz="0 0 0.5"/></joint>
  <joint name="rail" type="prismatic"><parent link="base"/><child link="cart"/>
    <origin xyz="0 0 1" rpy="0 0 1.5707963"/><axis xyz="2 0 0"/><limit lower="-1" upper="1" velocity="3"/></joint>
  <joint name="spin" type="continuous"><parent link="cart"/><child link="wheel"/><axis xyz="0 1 0"/></joint>
</robot>
"""


def test_prismatic_and_continuous_joints_are_supported():
    chain = Chain.from_urdf(SLIDER, "base", "tip")
    assert chain.joint_names == ("rail", "spin")
    assert chain.position_limits.tolist() == [[-1, 1], [-np.inf, np.inf]]
    assert chain.velocity_limits.tolist() == [3, np.inf]
    assert chain.forward([0.25, np.pi / 2])[:3] == pytest.approx([0, 0.75, 1.0], abs=1e-6)
    _, _, jacobian = chain.point_jacobian(np.zeros(2))
    assert jacobian[:, 0] == pytest.approx([0, 1, 0, 0, 0, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("urdf", "base", "tip", "message"),
    [
        ("not xml", "base", "tip", "not XML"),
        (SLIDER, "base", "nose", "no link 'nose', expected one of base, cart"),
        (SLIDER, "wheel", "cart", "no chain of joints leads from 'wheel' to 'cart'"),
        (SLIDER.replace('"0 0 0.5"', '"0 zero"'), "base", "tip", "expected three numbers"),
        (SLIDER.replace("continuous", "floating"), "base", "tip", "'spin' is a floating joint"),
        (SLIDER.replace('<axis xyz="0 1 0"/>', '<mimic joint="rail"/>'), "base", "tip", "'spin' is a mimic joint"),
        (SLIDER.replace('<parent link="cart"/>', ""), "base", "tip", "names no parent"),
    ],
)
def test_a_urdf_without_such_a_chain_is_refused(urdf, base, tip, message):
    with pytest.raises(ConfigError, match=message):
        Chain.from_urdf(urdf, base, tip)
