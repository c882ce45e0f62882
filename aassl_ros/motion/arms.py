"""Robot arm descriptions (sim/arms/NAME.yaml): links, joints, limits, workspace and camera pose."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from aassl_ros.errors import ConfigError
from aassl_ros.motion.kinematics import Chain
from aassl_ros.paths import PACKAGE_SCHEME, find_package_file, python_package_folder, share
from aassl_ros.settings import describe, from_mapping, setting

Array = NDArray[np.float64]

# Keys that a file need not have.
_OPTIONAL = ("jerk_limits", "camera_topics", "joint_states_topic", "command_topic", "command_sources")
# Arms in this folder can be named without a path.
_FOLDER = "sim/arms"


@dataclass(frozen=True)
class Arm:
    """One robot arm. J is the number of joints. Poses are in the base link's frame unless stated; units m, rad, s."""

    name: str = setting("", "name of the arm")
    urdf: str = setting(
        "",
        "URDF file: absolute, package://NAME/PATH, or within sim/arms or pybullet_data; empty: from robot_description",
    )
    base_link: str = setting("", "fixed link; positions are in its frame")
    tip_link: str = setting("", "link that carries the object")
    joints: tuple[str, ...] = setting((), "moving joints from base to tip, in the URDF's order")
    home: tuple[float, ...] = setting((), "home joint positions, about which the arm explores, rad [J]")
    lowest_positions: tuple[float, ...] = setting((), "lower limits of the joint positions, rad [J]")
    highest_positions: tuple[float, ...] = setting((), "upper limits of the joint positions, rad [J]")
    velocity_limits: tuple[float, ...] = setting((), "maximum joint speeds, rad/s [J]")
    acceleration_limits: tuple[float, ...] = setting((), "maximum joint accelerations, rad/s^2 [J]")
    box: tuple[float, ...] = setting(
        (), "box within which the tip must stay, m: x from, x to, y from, y to, z from, z to"
    )
    wrist_joints: tuple[str, ...] = setting((), "joints of the hand that turn the object most freely")
    gripper_joints: tuple[str, ...] = setting((), "joints of the gripper, which are held still; may be empty")
    gripper_hold: tuple[float, ...] = setting((), "positions of the gripper joints that hold an object, rad or m")
    object_offset: tuple[float, ...] = setting((), "pose of the object's centre in the tip's frame: x y z qx qy qz qw")
    camera_position: tuple[float, ...] = setting((), "position of the camera, m: x y z")
    camera_target: tuple[float, ...] = setting((), "the point the camera looks at, m: x y z")
    camera_fov_deg: float = setting(0.0, "vertical field of view of the camera, degrees", minimum=0, maximum=150)
    jerk_limits: tuple[float, ...] = setting((), "maximum joint jerks, rad/s^3 [J]; empty: the jerk is not limited")
    camera_topics: tuple[str, ...] = setting(
        (), "image topic of each camera of the real arm, as CAMERA:TOPIC; empty: CAMERA/image_raw"
    )
    joint_states_topic: str = setting("", "topic of the real arm's joint states; empty: joint_states")
    command_topic: str = setting(
        "", "topic of the real arm's trajectories; empty: joint_trajectory_controller/joint_trajectory"
    )
    command_sources: tuple[str, ...] = setting(
        (),
        "where the recorder and the trainer find the commands of each group of joints of the real arm, as GROUP:TOPIC: "
        "a trajectory topic, a controller_state, or the joint states of a leader arm; empty: arm:command_topic",
    )

    @property
    def position_limits(self) -> Array:
        """Lower and upper limits of the joint positions, float64 [J, 2], rad.

        They lie within the limits of the URDF and are meant to be free of collisions.
        """
        return np.stack([self.lowest_positions, self.highest_positions], axis=-1)

    @property
    def box_limits(self) -> Array:
        """Lower and upper limits of the tip position (x, y, z), float64 [3, 2], m."""
        return np.array(self.box).reshape(3, 2)

    @property
    def wrist_indices(self) -> tuple[int, ...]:
        """Indices of the wrist joints in `joints`."""
        return tuple(self.joints.index(name) for name in self.wrist_joints)

    def urdf_path(self) -> Path:
        """Path of the URDF file. Raises ConfigError if the file, its package or pybullet_data is missing."""
        if not self.urdf:
            raise ConfigError(f"arm {self.name!r} names no urdf file: its URDF comes from robot_description.")
        path = Path(self.urdf)
        if self.urdf.startswith(PACKAGE_SCHEME):
            found = find_package_file(self.urdf)
            if found is None:
                raise ConfigError(f"arm {self.name!r}: no file {self.urdf} found. Install or source that package.")
            return found
        if not path.is_absolute() and (share(_FOLDER) / path).is_file():
            return share(_FOLDER) / path
        if not path.is_absolute():
            folder = python_package_folder("pybullet_data")
            if folder is None:
                raise ConfigError(f"arm {self.name!r}: {self.urdf} is part of pybullet. pip install pybullet.")
            path = folder / path
        if not path.is_file():
            raise ConfigError(f"arm {self.name!r}: no URDF file at {path}.")
        return path

    def chain(self, urdf_text: str | None = None) -> Chain:
        """Kinematics of the arm, from a URDF's text or, by default, from its URDF file.

        Raises ConfigError if the URDF's joints differ, or its position limits are narrower than the arm's.
        """
        text = self.urdf_path().read_text(encoding="utf-8") if urdf_text is None else urdf_text
        chain = Chain.from_urdf(text, self.base_link, self.tip_link)
        if chain.joint_names != self.joints:
            found = ", ".join(chain.joint_names)
            raise ConfigError(f"arm {self.name!r}: the URDF's joints are {found}, expected {', '.join(self.joints)}.")
        beyond = (self.position_limits < chain.position_limits[:, :1]) | (
            self.position_limits > chain.position_limits[:, 1:]
        )
        if beyond.any():
            joint = self.joints[int(np.argmax(beyond.any(axis=1)))]
            raise ConfigError(f"arm {self.name!r}: position limits of {joint} are wider than the URDF's.")
        return chain


def known_arms() -> tuple[str, ...]:
    """Names of the arms that `load_arm` accepts without a path."""
    return tuple(sorted(path.stem for path in share(_FOLDER).glob("*.yaml")))


def joint_groups(arm: Arm | None) -> dict[str, tuple[str, ...]]:
    """The joints of each group of an arm, in order: arm and gripper. None: no group is known."""
    if arm is None:
        return {}
    return {"arm": arm.joints} | ({"gripper": arm.gripper_joints} if arm.gripper_joints else {})


def load_arm(name_or_path: str | Path) -> Arm:
    """Load an arm by its name, or from a YAML file.

    Raises ConfigError, which names the file and key, if the arm is unknown, a key is unknown or missing, or a value is
    wrong.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = share(_FOLDER) / f"{name_or_path}.yaml"
    if not path.is_file():
        known = ", ".join(known_arms())
        raise ConfigError(f"arm {str(name_or_path)!r} is unknown, expected one of {known}, or a path to a YAML file.")
    return _checked(from_mapping(Arm, _read(path), source=str(path)), str(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = " ".join(str(error).split())
        raise ConfigError(f"{path}: not YAML ({line}).") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected keys and values of an arm, found {type(values).__name__}.")
    missing = [info.name for info in describe(Arm) if info.name not in (*values, *_OPTIONAL)]
    if missing:
        raise ConfigError(f"{path}: key {missing[0]!r} is missing.")
    return values


def _checked(arm: Arm, source: str) -> Arm:
    """Return the arm with a normalized quaternion. Raises ConfigError if its values contradict each other."""
    joints = len(arm.joints)
    lengths = {
        "home": joints,
        "lowest_positions": joints,
        "highest_positions": joints,
        "velocity_limits": joints,
        "acceleration_limits": joints,
        "box": 6,
        "gripper_hold": len(arm.gripper_joints),
        "object_offset": 7,
        "camera_position": 3,
        "camera_target": 3,
    }
    if arm.jerk_limits:
        lengths["jerk_limits"] = joints
    for name, expected in lengths.items():
        if len(getattr(arm, name)) != expected:
            raise ConfigError(f"{source}: {name} has {len(getattr(arm, name))} values, expected {expected}.")
    if not joints:
        raise ConfigError(f"{source}: joints is empty, expected the joints from {arm.base_link} to {arm.tip_link}.")
    for name in arm.wrist_joints:
        if name not in arm.joints:
            raise ConfigError(f"{source}: wrist_joints names {name!r}, expected some of {', '.join(arm.joints)}.")
    for name in ("camera_topics", "command_sources"):
        for entry in getattr(arm, name):
            if not all(entry.partition(":")):
                raise ConfigError(f"{source}: {name} contains {entry!r}, expected NAME:TOPIC.")
    for name in ("velocity_limits", "acceleration_limits", "jerk_limits"):
        if min(getattr(arm, name), default=1) <= 0:
            raise ConfigError(f"{source}: {name} = {list(getattr(arm, name))}, expected numbers above 0.")
    low, high = arm.position_limits.T
    if not (np.all(low <= arm.home) and np.all(np.array(arm.home) <= high)):
        raise ConfigError(f"{source}: home is outside lowest_positions and highest_positions.")
    if np.any(np.diff(arm.box_limits) <= 0):
        raise ConfigError(f"{source}: box = {list(arm.box)}, expected each 'from' below its 'to'.")
    return dataclasses.replace(arm, object_offset=_unit_rotation(arm.object_offset, source))


def _unit_rotation(pose: tuple[float, ...], source: str) -> tuple[float, ...]:
    length = float(np.linalg.norm(pose[3:]))
    if abs(length - 1) > 1e-2:
        raise ConfigError(f"{source}: object_offset's quaternion has length {length:.3g}, expected 1.")
    return (*pose[:3], *(value / length for value in pose[3:]))
