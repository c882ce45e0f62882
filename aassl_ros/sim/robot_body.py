"""The arm in PyBullet: its body, its joint motors, the pose of its tip."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import SimulationError
from aassl_ros.motion.arms import Arm
from aassl_ros.sim.bullet import pybullet
from aassl_ros.sim.robot_model import with_package_names, with_thinned_meshes
from aassl_ros.sim.servo import Setpoint

Array = NDArray[np.float64]

# Fraction of the position error that a motor corrects in one step: stiff, but with a small lag like a real motor.
_POSITION_GAIN = 0.4
_VELOCITY_GAIN = 1.0
# The URDF has no acceleration limits for grippers: they reach full speed within 0.05 s.
_GRIPPER_RISE_S = 0.05


@dataclass(frozen=True)
class JointReading:
    """Joints at one time. position, velocity, effort: float64 [J], rad, rad/s, Nm (m, m/s, N for sliding joints)."""

    names: tuple[str, ...]
    position: Array
    velocity: Array
    effort: Array


class RobotBody:
    """An arm that is fixed at the origin. Its motors follow a setpoint that respects the limits."""

    def __init__(self, arm: Arm, client: int, *, detail_m: float) -> None:
        """detail_m: meshes are simplified to details of this size, m.

        Raises ConfigError or SimulationError if the URDF is missing, or lacks a joint or link that the arm names.
        """
        self._client = client
        path = arm.urdf_path()
        urdf = path.read_text(encoding="utf-8")
        self.description = with_package_names(urdf, path)
        with tempfile.TemporaryDirectory(prefix="aassl_sim_") as folder:
            light = Path(folder) / path.name
            light.write_text(with_thinned_meshes(urdf, path, Path(folder), cell=detail_m), encoding="utf-8")
            self.body = pybullet.loadURDF(str(light), useFixedBase=True, physicsClientId=client)
        joints, links = self._table()
        self.names = (*arm.joints, *arm.gripper_joints)
        self._index = [_find(joints, name, "joint", path) for name in self.names]
        self._tip = _find(links, arm.tip_link, "link", path)
        self._base = _find(links, arm.base_link, "link", path)
        self._forces = [float(self._info(index)[10]) for index in self._index]
        self.home = np.array([*arm.home, *arm.gripper_hold], dtype=np.float64)
        self.position_limits, self.velocity_limits, self._acceleration_limits = self._limits(arm)
        self.go_home()

    def go_home(self) -> None:
        """Set every joint to its home position, at rest, immediately."""
        for index, position in zip(self._index, self.home, strict=True):
            pybullet.resetJointState(self.body, index, float(position), 0.0, physicsClientId=self._client)
        self.setpoint = Setpoint(self.home, self.position_limits, self.velocity_limits, self._acceleration_limits)

    def place(self, positions: Array) -> None:
        """Set the arm's joints [J], rad, immediately; the gripper keeps its position."""
        for index, position in zip(self._index, positions, strict=False):
            pybullet.resetJointState(self.body, index, float(position), 0.0, physicsClientId=self._client)

    @property
    def link_names(self) -> dict[int, str]:
        """Name of each link by its index in PyBullet; -1 is the base."""
        return {index: name for name, index in self._table()[1].items()}

    def link_after(self, joints: int) -> int:
        """Index of the link that this many joints of the arm move."""
        return self._index[joints - 1]

    def drive(self, position: Array, velocity: Array, seconds: float) -> None:
        """Set the motors for one step of this length toward a command.

        position, velocity: float64 [J], rad and rad/s; NaN for joints without a command. seconds: length of the step.
        """
        self.setpoint.advance(position, velocity, seconds)
        pybullet.setJointMotorControlArray(
            self.body,
            self._index,
            pybullet.POSITION_CONTROL,
            targetPositions=self.setpoint.position.tolist(),
            targetVelocities=self.setpoint.velocity.tolist(),
            forces=self._forces,
            positionGains=[_POSITION_GAIN] * len(self._index),
            velocityGains=[_VELOCITY_GAIN] * len(self._index),
            physicsClientId=self._client,
        )

    def reading(self) -> JointReading:
        """The current joint states."""
        states = pybullet.getJointStates(self.body, self._index, physicsClientId=self._client)
        position, velocity, _, effort = zip(*states, strict=True)
        return JointReading(self.names, np.array(position), np.array(velocity), np.array(effort))

    def tip_pose(self) -> Array:
        """Pose [7] of the tip link in the world."""
        return self._link_pose(self._tip)

    def base_pose(self) -> Array:
        """Pose [7] of the base link in the world."""
        return self._link_pose(self._base)

    def _link_pose(self, link: int) -> Array:
        if link < 0:
            position, turn = pybullet.getBasePositionAndOrientation(self.body, physicsClientId=self._client)
            inertial = pybullet.getDynamicsInfo(self.body, -1, physicsClientId=self._client)[3:5]
            back = pybullet.invertTransform(*inertial)
            position, turn = pybullet.multiplyTransforms(position, turn, *back)
        else:
            state = pybullet.getLinkState(self.body, link, computeForwardKinematics=True, physicsClientId=self._client)
            position, turn = state[4], state[5]
        return np.array([*position, *turn], dtype=np.float64)

    def _table(self) -> tuple[dict[str, int], dict[str, int]]:
        """Index by joint name and by link name; the base link is -1."""
        base = pybullet.getBodyInfo(self.body, physicsClientId=self._client)[0].decode()
        joints, links = {}, {base: -1}
        for index in range(pybullet.getNumJoints(self.body, physicsClientId=self._client)):
            info = self._info(index)
            joints[info[1].decode()] = index
            links[info[12].decode()] = index
        return joints, links

    def _info(self, index: int) -> tuple:
        return pybullet.getJointInfo(self.body, index, physicsClientId=self._client)

    def _limits(self, arm: Arm) -> tuple[Array, Array, Array]:
        """Limits of position [J, 2], velocity [J], acceleration [J]; those of the gripper come from the URDF."""
        gripper = [self._info(index) for index in self._index[len(arm.joints) :]]
        speeds = [float(info[11]) for info in gripper]
        position = np.array([*arm.position_limits, *[(info[8], info[9]) for info in gripper]], dtype=np.float64)
        velocity = np.array([*arm.velocity_limits, *speeds], dtype=np.float64)
        acceleration = [*arm.acceleration_limits, *[speed / _GRIPPER_RISE_S for speed in speeds]]
        return position, velocity, np.array(acceleration, dtype=np.float64)


def _find(table: dict[str, int], name: str, kind: str, path: Path) -> int:
    if name not in table:
        raise SimulationError(f"{path} has no {kind} {name!r}, expected one of {', '.join(table)}.")
    return table[name]
