"""Reads from a robot description which joints are continuous, and computes the pose of the arm's tip."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import ConfigError
from aassl_ros.motion.kinematics import Chain


@dataclass(frozen=True)
class RobotKinematics:
    """The kinematics of a robot, as far as they are known.

    Attributes:
        continuous_joints: joints that turn without end; their angle wraps.
        chain: from the base link to the tip link; None if it is not known.
        problem: why there is no chain; empty if there is one.
    """

    continuous_joints: tuple[str, ...] = ()
    chain: Chain | None = None
    problem: str = "the robot description or the names of base and tip link are missing"

    @classmethod
    def from_urdf(cls, urdf: str, base_link: str, tip_link: str) -> RobotKinematics:
        """Read a URDF. Nothing is raised: what it does not tell is left out, and `problem` says why.

        Args:
            urdf: text of the robot description.
            base_link, tip_link: both ends of the arm; empty if not known.
        """
        try:
            joints = ElementTree.fromstring(urdf).iter("joint")
        except ElementTree.ParseError as error:
            return cls(problem=f"robot description is not XML ({error}), expected a URDF.")
        continuous = tuple(joint.get("name", "") for joint in joints if joint.get("type") == "continuous")
        if not base_link or not tip_link:
            return cls(continuous)
        try:
            return cls(continuous, Chain.from_urdf(urdf, base_link, tip_link), "")
        except ConfigError as error:
            return cls(continuous, problem=str(error))

    def tip_poses(self, joint_names: Sequence[str], positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the tip's poses from joint positions.

        Args:
            joint_names: J names.
            positions: float64 [n, J] in rad or m, NaN if unknown.

        Returns:
            float64 [n, 7] in the base link's frame: x y z in m, then the quaternion x y z w. A row is NaN if the chain
            or one of its joints is unknown.
        """
        poses = np.full((len(positions), 7), np.nan)
        if self.chain is None or not set(self.chain.joint_names) <= set(joint_names):
            return poses
        columns = positions[:, [joint_names.index(name) for name in self.chain.joint_names]]
        known = np.isfinite(columns).all(axis=1)
        poses[known] = self.chain.forward(columns[known])
        return poses
