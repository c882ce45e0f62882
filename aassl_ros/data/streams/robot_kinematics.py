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
        joint_names: all joints of the robot description.
        chain: from the base link to the tip link; None if it is not known.
        problem: why there is no chain; empty if there is one.
    """

    continuous_joints: tuple[str, ...] = ()
    chain: Chain | None = None
    problem: str = "the robot description or the names of base and tip link are missing"
    joint_names: tuple[str, ...] = ()

    @classmethod
    def from_urdf(cls, urdf: str, base_link: str, tip_link: str) -> RobotKinematics:
        """Read a URDF. Nothing is raised: what it does not contain is left out, and `problem` says why.

        Args:
            urdf: text of the robot description.
            base_link, tip_link: both ends of the arm; empty if not known.
        """
        try:
            joints = list(ElementTree.fromstring(urdf).iter("joint"))
        except ElementTree.ParseError as error:
            return cls(problem=f"robot description is not XML ({error}), expected a URDF.")
        continuous = tuple(joint.get("name", "") for joint in joints if joint.get("type") == "continuous")
        names = tuple(joint.get("name", "") for joint in joints)
        if not base_link or not tip_link:
            return cls(continuous, joint_names=names)
        try:
            return cls(continuous, Chain.from_urdf(urdf, base_link, tip_link), "", names)
        except ConfigError as error:
            return cls(continuous, problem=str(error), joint_names=names)

    def continuous_among(self, recorded: Sequence[str]) -> tuple[str, ...]:
        """Those of the recorded joints that turn without end; a name may have a prefix that the description lacks."""
        each_once = dict.fromkeys(recorded)
        return tuple(name for name in each_once if self._described(name) in self.continuous_joints)

    def _described(self, recorded: str) -> str:
        """The joint of the description that a recorded name means: the same, else the longest with this ending."""
        if recorded in self.joint_names:
            return recorded
        return max((name for name in self.joint_names if _same_ending(name, recorded)), key=len, default="")

    def missing_joints(self, recorded: Sequence[str]) -> str:
        """Why the tip's pose is unknown with these joints, naming both lists; empty if it is known, or has no chain."""
        if self.chain is None or match_joints(self.chain.joint_names, recorded) is not None:
            return ""
        return (
            f"the robot description has joints {', '.join(self.chain.joint_names)}; the joint states have "
            f"{', '.join(recorded) or 'none'}, which are not the same and not the same with one prefix"
        )

    def tip_poses(self, joint_names: Sequence[str], positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the tip's poses from joint positions.

        Args:
            joint_names: J names.
            positions: float64 [n, J] in rad or m, NaN if unknown.

        Returns:
            float64 [n, 7] in the base link's frame: x y z in m, then the quaternion x y z w. A row is NaN if the chain
            or one of its joints is unknown. Recorded names may have one prefix that the description lacks.
        """
        poses = np.full((len(positions), 7), np.nan)
        matched = None if self.chain is None else match_joints(self.chain.joint_names, joint_names)
        if self.chain is None or matched is None:
            return poses
        columns = positions[:, [joint_names.index(name) for name in matched]]
        known = np.isfinite(columns).all(axis=1)
        poses[known] = self.chain.forward(columns[known])
        return poses


def match_joints(described: Sequence[str], recorded: Sequence[str]) -> list[str] | None:
    """Find the recorded joints that a robot description means.

    Args:
        described: names in the description.
        recorded: names in the joint states, in any order.

    Returns:
        The recorded name of each: the same, else the only one with the same ending after "_", "/", "-", "." or ":".
        None if one is not found, or the joints that are not the same differ by more than one prefix.
    """
    matched, prefixes = [], set[tuple[bool, str]]()
    for name in described:
        found = [name] if name in recorded else [other for other in recorded if _same_ending(name, other)]
        if len(found) != 1:
            return None
        matched.append(found[0])
        if found[0] != name:
            longer_described = name.endswith(found[0])
            longer, shorter = (name, found[0]) if longer_described else (found[0], name)
            prefixes.add((longer_described, longer.removesuffix(shorter)))
    return matched if len(prefixes) < 2 and len(set(matched)) == len(matched) else None


def _same_ending(one: str, other: str) -> bool:
    """Whether the longer of two names is the shorter with a prefix."""
    short, long = sorted((one, other), key=len)
    return bool(short) and len(long) > len(short) and long.endswith(short) and long[-len(short) - 1] in "_/-.:"
