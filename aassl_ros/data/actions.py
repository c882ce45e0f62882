"""Action spaces: what the arm did between two frames of one episode, as a vector.

| name | groups | from |
|---|---|---|
| object_pose | rotation R' R^T, translation (p' - p) / |p| | the object's pose in the camera's frame |
| end_effector | rotation R^T R', translation R^T (p' - p) in m | the tip's pose in the arm's base frame |
| joints, commands | joints: difference in rad or m, wrapped for continuous joints | measured, commanded positions |
| time | seconds t' - t | stamps: a control that knows a clock only |
| turn_size | angle in rad | object's, else tip's pose: a control that knows no axis |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

ACTION_SPACES = ("object_pose", "end_effector", "joints", "commands", "time", "turn_size")
ROTATIONS = ("vector", "6d")
SCALE_FLOOR = 1e-3
"""Smallest scale of a group (rad, m or s): below it there is noise and no action."""


class States(Protocol):
    """The arrays that actions are made from: prepared data and the replay buffer both have them (see PreparedData)."""

    @property
    def stamps_ns(self) -> NDArray[np.int64]: ...
    @property
    def joint_position(self) -> NDArray[np.float32]: ...
    @property
    def joint_command(self) -> NDArray[np.float32]: ...
    @property
    def object_pose(self) -> NDArray[np.float64]: ...
    @property
    def tip_pose(self) -> NDArray[np.float64]: ...
    @property
    def joint_names(self) -> tuple[str, ...]: ...
    @property
    def command_names(self) -> tuple[str, ...]: ...
    @property
    def continuous_joints(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Group:
    """Neighbouring entries of an action that share one unit and so one scale."""

    name: str
    size: int


@dataclass(frozen=True)
class ActionSpace:
    """A named action space; `components` keeps some of it (rotation, translation; joint names), empty keeps all."""

    name: str
    rotation: str = "vector"
    components: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in ACTION_SPACES:
            raise DataError(f"action space {self.name!r} is unknown, expected one of {', '.join(ACTION_SPACES)}.")
        if self.rotation not in ROTATIONS:
            raise DataError(f"rotation {self.rotation!r} is unknown, expected one of {', '.join(ROTATIONS)}.")

    def resolved(self, states: States) -> ActionSpace:
        """This space with its components spelt out, as a checkpoint keeps it. Raises DataError on one the data lack."""
        available = self._available(states)
        for component in self.components:
            if component not in available:
                found = ", ".join(available) or "none"
                raise DataError(f"action space {self.name}: no component {component!r} in these data (found: {found}).")
        if not available:
            raise DataError(f"action space {self.name}: these data hold no joints of it. Choose another action space.")
        return replace(self, components=self.components or available)

    def groups(self, states: States) -> tuple[Group, ...]:
        """The parts of an action, in order."""
        kept = self.resolved(states).components
        if self.name in ("joints", "commands"):
            return (Group(self.name, len(kept)),)
        sizes = {"rotation": 3 if self.rotation == "vector" else 6, "translation": 3, "seconds": 1, "angle": 1}
        return tuple(Group(name, sizes[name]) for name in sizes if name in kept)

    def size(self, states: States) -> int:
        """Number A of entries of an action."""
        return sum(group.size for group in self.groups(states))

    def usable(self, states: States) -> NDArray[np.bool_]:
        """bool [F]: the frames at which everything this space needs is known."""
        if self.name == "time":
            return np.ones(len(states.stamps_ns), bool)
        if self.name == "turn_size":
            object_known = _known(states.object_pose)
            return object_known if object_known.any() else _known(states.tip_pose)
        if self.name in ("joints", "commands"):
            return _known(self._columns(states))
        return _known(self._poses(states))

    def displacement(self, states: States, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float32]:
        """Actions float32 [N, A] from frames first[i] to second[i], not normalised; NaN where a frame is not usable."""
        if self.name == "time":
            seconds = (states.stamps_ns[second] - states.stamps_ns[first]) * 1e-9
            return seconds[:, None].astype(np.float32)
        if self.name == "turn_size":
            return turn_angle(states, first, second)[:, None].astype(np.float32)
        if self.name in ("joints", "commands"):
            return self._joint_displacement(states, first, second)
        poses = self._poses(states)
        relative = object_displacement if self.name == "object_pose" else end_effector_displacement
        turn, translation = relative(poses[first], poses[second])
        kept = self.resolved(states).components
        parts = [self._encode(turn)] if "rotation" in kept else []
        parts += [translation] if "translation" in kept else []
        return np.concatenate(parts, axis=1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "rotation": self.rotation, "components": list(self.components)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ActionSpace:
        return cls(values["name"], values["rotation"], tuple(values["components"]))

    def _available(self, states: States) -> tuple[str, ...]:
        if self.name == "joints":
            return states.joint_names
        if self.name == "commands":
            return states.command_names
        return {"time": ("seconds",), "turn_size": ("angle",)}.get(self.name, ("rotation", "translation"))

    def _poses(self, states: States) -> NDArray[np.float64]:
        return states.object_pose if self.name == "object_pose" else states.tip_pose

    def _columns(self, states: States) -> NDArray[np.float32]:
        kept = self.resolved(states).components
        values = states.joint_position if self.name == "joints" else states.joint_command
        available = self._available(states)
        return values if kept == available else values[:, [available.index(name) for name in kept]]

    def _joint_displacement(
        self, states: States, first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        values = self._columns(states)
        difference = values[second].astype(np.float64) - values[first]
        wrapped = (difference + np.pi) % (2 * np.pi) - np.pi
        continuous = [name in states.continuous_joints for name in self.resolved(states).components]
        return np.where(continuous, wrapped, difference).astype(np.float32)

    def _encode(self, turn: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.rotation == "vector":
            return rotations.to_rotation_vector(turn)
        return rotations.matrix_to_6d(rotations.to_matrix(turn))


def object_displacement(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn (quaternion [N, 4]) and shift [N, 3], in distances to the camera, between two poses [N, 7] of an object."""
    turn = rotations.multiply(second[:, 3:], rotations.inverse(first[:, 3:]))
    distance = np.linalg.norm(first[:, :3], axis=1, keepdims=True)
    return turn, (second[:, :3] - first[:, :3]) / np.maximum(distance, 1e-6)


def end_effector_displacement(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn (quaternion [N, 4]) and shift [N, 3] in m between two poses [N, 7] of a tip, seen from the first."""
    back = rotations.inverse(first[:, 3:])
    shift = np.einsum("nij,nj->ni", rotations.to_matrix(back), second[:, :3] - first[:, :3])
    return rotations.multiply(back, second[:, 3:]), shift


def choose_action_space(states: States) -> str:
    """The first of object_pose, end_effector, joints that at least half of the frames can be used in, else time."""
    for name in ("object_pose", "end_effector", "joints"):
        if name == "joints" and not states.joint_names:
            continue
        usable = ActionSpace(name).usable(states)
        if len(usable) and usable.mean() >= 0.5:
            return name
    return "time"


def _known(values: NDArray[Any]) -> NDArray[np.bool_]:
    """bool [F]: the rows of [F, n] without a NaN."""
    return np.asarray(np.isfinite(values).all(axis=1))


def turn_angle(states: States, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Angle [N] in rad, 0 to pi, between two frames: of the object where both its poses are known, else of the tip."""
    angle = rotations.angle_between(states.object_pose[first, 3:], states.object_pose[second, 3:])
    unknown = np.isnan(angle)
    if unknown.any():
        tips = states.tip_pose
        angle[unknown] = rotations.angle_between(tips[first[unknown], 3:], tips[second[unknown], 3:])
    return angle


@dataclass(frozen=True)
class Normalisation:
    """(action - median) / scale with one scale a group; kept in the checkpoint. Both float32 [A]."""

    median: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __call__(self, actions: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [N, A], of median 0 and, in the liveliest entry of each group, an interquartile range of 1."""
        if actions.shape[-1] != len(self.median):
            raise DataError(f"actions have {actions.shape[-1]} entries, expected {len(self.median)} as when training.")
        return (actions - self.median) / self.scale

    @classmethod
    def measure(cls, actions: NDArray[np.float32], groups: tuple[Group, ...]) -> Normalisation:
        """From actions [N, A] of pairs drawn as in training. Raises DataError where there is none or all are the same.

        A group's scale is the largest interquartile range of its entries: one for each entry would blow up those that
        hardly change (as 6D entries at small turns), and outliers do not move it as they do a standard deviation.
        """
        actions = actions[np.isfinite(actions).all(axis=1)]
        if len(actions) == 0:
            raise DataError("no pair of frames has an action. Choose another action space or check the joint stream.")
        if len(actions) > 1 and np.ptp(actions, axis=0).max() < 1e-6:  # rad, m or s: rounding
            raise DataError("every action is the same: the arm did not move. Collect data in which it does.")
        lower, median, upper = np.percentile(actions, (25, 50, 75), axis=0)
        scale, at = np.empty_like(median), 0
        for group in groups:
            part = slice(at, at + group.size)
            scale[part] = max(SCALE_FLOOR, float((upper - lower)[part].max()))
            at += group.size
        return cls(median.astype(np.float32), scale.astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        return {"median": self.median.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Normalisation:
        return cls(np.asarray(values["median"], np.float32), np.asarray(values["scale"], np.float32))
