"""Forward kinematics and Jacobian of an arm, from its URDF."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.errors import ConfigError
from aassl_ros.motion import rotations

Array = NDArray[np.float64]

_TURNING = ("revolute", "continuous")
_MOVING = (*_TURNING, "prismatic")


@dataclass(frozen=True, eq=False)
class _Joint:
    """One moving joint: the fixed transform to it, then its axis. Fixed joints of the URDF are merged into `origin`."""

    name: str
    turns: bool
    origin: Array  # [4, 4], from the frame after the previous joint (or the base) to this joint's frame
    axis: Array  # [3], unit length, in this joint's frame
    limits: tuple[float, float]  # rad or m, infinite if the joint has none
    velocity: float  # rad/s or m/s, infinite if the joint has no limit


class Chain:
    """The joints from a base link to a tip link. Poses are those of the tip in the base link's frame, in metres."""

    def __init__(self, joints: tuple[_Joint, ...], tip: Array) -> None:
        self._joints = joints
        self._tip = tip
        self.joint_names = tuple(joint.name for joint in joints)
        self.position_limits: Array = np.array([joint.limits for joint in joints]).reshape(-1, 2)
        self.velocity_limits: Array = np.array([joint.velocity for joint in joints])
        # Rodrigues' formula, R = 1 + sin K + (1 - cos) K^2, with both matrices computed once.
        self._cross = [_cross_matrix(joint.axis) for joint in joints]
        self._cross_squared = [cross @ cross for cross in self._cross]

    @classmethod
    def from_urdf(cls, urdf_text: str, base_link: str, tip_link: str) -> Chain:
        """Read the chain from a URDF. Raises ConfigError if the text is no URDF, or no chain joins the two links."""
        try:
            root = ElementTree.fromstring(urdf_text)
        except ElementTree.ParseError as error:
            raise ConfigError(f"robot description is not XML ({error}), expected a URDF.") from None
        links = [link.get("name", "") for link in root.iter("link")]
        for link in (base_link, tip_link):
            if link not in links:
                raise ConfigError(f"robot description has no link {link!r}, expected one of {', '.join(links)}.")
        way = _elements_between(root, base_link, tip_link)
        joints: list[_Joint] = []
        origin: Array = np.eye(4)
        for element in way:
            origin = origin @ _origin(element)
            if element.get("type") == "fixed":
                continue
            joints.append(_moving_joint(element, origin))
            origin = np.eye(4)
        return cls(tuple(joints), origin)

    def forward(self, positions: ArrayLike) -> Array:
        """Tip poses, float64 [..., 7], in the base frame for joint positions [..., J] in rad (m for sliding joints)."""
        matrix = self._transforms(np.asarray(positions, dtype=np.float64))[-1]
        return np.concatenate([matrix[..., :3, 3], rotations.from_matrix(matrix[..., :3, :3])], axis=-1)

    def point_jacobian(self, positions: ArrayLike, point: ArrayLike = (0.0, 0.0, 0.0)) -> tuple[Array, Array, Array]:
        """How a point fixed to the tip moves with the joints.

        positions: [J]; point: [3] in the tip's frame, m. Returns the point's position [3] in the base frame, the tip's
        rotation matrix [3, 3], and the jacobian [6, J]: velocity of the point (m/s), then angular velocity (rad/s),
        both in the base frame, per unit of joint velocity.
        """
        transforms = self._transforms(np.asarray(positions, dtype=np.float64))
        tip = transforms[-1]
        place = tip[:3, :3] @ np.asarray(point, dtype=np.float64) + tip[:3, 3]
        frames = np.stack(transforms[:-1])
        axes = np.einsum("jrc,jc->jr", frames[:, :3, :3], np.stack([joint.axis for joint in self._joints]))
        turns = np.array([joint.turns for joint in self._joints])[:, None]
        swept = np.where(turns, np.cross(axes, place - frames[:, :3, 3]), axes)
        return place, tip[:3, :3], np.concatenate([swept, np.where(turns, axes, 0.0)], axis=-1).T

    def _transforms(self, positions: Array) -> list[Array]:
        """The frame [..., 4, 4] of each joint after its own motion, then of the tip, in the base frame."""
        if positions.shape[-1] != len(self._joints):
            raise ValueError(f"{positions.shape[-1]} joint positions, expected {len(self._joints)}")
        here: Array = np.eye(4)
        found: list[Array] = []
        for index, joint in enumerate(self._joints):
            motion = np.zeros((*positions.shape[:-1], 4, 4))
            motion[..., np.arange(4), np.arange(4)] = 1.0
            value = positions[..., index, None]
            if joint.turns:
                angle = value[..., None]
                motion[..., :3, :3] += np.sin(angle) * self._cross[index]
                motion[..., :3, :3] += (1 - np.cos(angle)) * self._cross_squared[index]
            else:
                motion[..., :3, 3] = value * joint.axis
            here = here @ joint.origin @ motion
            found.append(here)
        return [*found, here @ self._tip]


def _elements_between(root: ElementTree.Element, base_link: str, tip_link: str) -> list[ElementTree.Element]:
    """The URDF's joints from base to tip, found by following the parents of the tip."""
    by_child = {_attribute(joint, "child", "link"): joint for joint in root.findall("joint")}
    way: list[ElementTree.Element] = []
    link = tip_link
    while link != base_link:
        if link not in by_child:
            raise ConfigError(f"robot description: no chain of joints leads from {base_link!r} to {tip_link!r}.")
        way.append(by_child.pop(link))  # popped, so that a loop in a broken file terminates
        link = _attribute(way[-1], "parent", "link")
    return way[::-1]


def _moving_joint(element: ElementTree.Element, origin: Array) -> _Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    if kind not in _MOVING or element.find("mimic") is not None:
        found = "a mimic joint" if element.find("mimic") is not None else f"a {kind} joint"
        raise ConfigError(f"robot description: {name!r} is {found}, expected one of {', '.join((*_MOVING, 'fixed'))}.")
    axis = _numbers(element, "axis", "xyz", "1 0 0")
    limit = element.find("limit")
    bounds = (-np.inf, np.inf)
    velocity = np.inf
    if limit is not None:
        velocity = float(limit.get("velocity", "inf"))
        if kind != "continuous":
            bounds = (float(limit.get("lower", "0")), float(limit.get("upper", "0")))
    return _Joint(name, kind in _TURNING, origin, axis / np.linalg.norm(axis), bounds, velocity)


def _origin(element: ElementTree.Element) -> Array:
    matrix: Array = np.eye(4)
    matrix[:3, :3] = rotations.to_matrix(rotations.from_roll_pitch_yaw(_numbers(element, "origin", "rpy", "0 0 0")))
    matrix[:3, 3] = _numbers(element, "origin", "xyz", "0 0 0")
    return matrix


def _numbers(element: ElementTree.Element, child: str, attribute: str, default: str) -> Array:
    found = element.find(child)
    text = default if found is None else found.get(attribute, default)
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError:
        numbers = np.zeros(0)
    if numbers.shape != (3,):
        name = element.get("name")
        raise ConfigError(f"robot description: joint {name!r}: {child} {attribute} = {text!r}, expected three numbers.")
    return numbers


def _attribute(joint: ElementTree.Element, child: str, attribute: str) -> str:
    found = joint.find(child)
    value = None if found is None else found.get(attribute)
    if value is None:
        raise ConfigError(f"robot description: joint {joint.get('name')!r} names no {child} link.")
    return value


def _cross_matrix(axis: Array) -> Array:
    x, y, z = axis
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
