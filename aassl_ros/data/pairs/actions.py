"""Action spaces: the action between two frames of one episode, as a vector.

| name | groups | computed from |
|---|---|---|
| object_pose | rotation R' R^T, translation (p' - p) / |p| | pose of the object in the camera's frame |
| end_effector | rotation R^T R', translation R^T (p' - p) in m | pose of the tip in the arm's base frame |
| joints, commands | joints: difference in rad or m, wrapped for continuous joints | measured, commanded positions |
| recorded | per column: difference; NAME_rad and NAME_deg are angles, wrapped, in rad | columns of the data set |
| time | seconds t' - t | stamps; a control condition that knows only the time |
| turn_size | angle in rad | pose of the object, else of the tip; a control condition without rotation axis |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.displacements import (
    angle_unit,
    end_effector_displacement,
    object_displacement,
    recorded_displacement,
    wrapped,
)
from aassl_ros.data.pairs.normalisation import Group
from aassl_ros.data.pairs.states import States
from aassl_ros.data.pairs.turns import turn_angle
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

ACTION_SPACES = ("object_pose", "end_effector", "joints", "commands", "recorded", "time", "turn_size")
ROTATIONS = ("vector", "6d")
_PARTS = {"rotation": slice(3, 7), "translation": slice(0, 3)}
"""The part of a pose [F, 7] that each component needs."""
_LEFT_OUT = "-"
ENOUGH_FRAMES = 0.5  # share of frames that must have an action for it to be chosen
PREFERRED = ("object_pose", "recorded", "end_effector", "joints")
"""Action spaces in the order in which `auto` prefers them."""


@dataclass(frozen=True)
class ActionSpace:
    """A named action space, and the components of it that are used.

    Args:
        name: one of ACTION_SPACES.
        rotation: representation of rotations: "vector" (axis times angle, rad) or "6d" (first two columns of the
            matrix). Recorded angles are one number with "vector", cosine and sine with "6d".
        components: the components to use: rotation and translation; names of joints; names of recorded columns, also
            together with a pose. With a minus before each name, the components to omit. Empty means all that are known.

    Raises:
        DataError: the name or rotation is unknown.
    """

    name: str
    rotation: str = "vector"
    components: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in ACTION_SPACES:
            raise DataError(f"action space {self.name!r} is unknown, expected one of {', '.join(ACTION_SPACES)}.")
        if self.rotation not in ROTATIONS:
            raise DataError(f"rotation {self.rotation!r} is unknown, expected one of {', '.join(ROTATIONS)}.")

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.components)})"

    def resolved(self, states: States) -> ActionSpace:
        """List the components explicitly, as a checkpoint stores them.

        Args:
            states: the data.

        Returns:
            The same space with explicit components.

        Raises:
            DataError: the data lack a component, or none is left.
        """
        available = self._available(states)
        if not available:
            raise DataError(f"action space {self.name}: these data have no column for it. Choose another action space.")
        left_out = tuple(name[1:] for name in self.components if name.startswith(_LEFT_OUT))
        if left_out and len(left_out) < len(self.components):
            raise DataError(f"action components {', '.join(self.components)}: keep some or omit some, not both.")
        for component in left_out or self.components:
            if component not in available:
                found = ", ".join(available)
                raise DataError(f"action space {self.name}: no component {component!r} in these data (found: {found}).")
        if self.components and not left_out:
            return self
        kept = tuple(name for name in self._by_default(states, available) if name not in left_out)
        if not kept:
            raise DataError(f"action space {self.name}: {', '.join(self.components)} leaves no component.")
        return replace(self, components=kept)

    def groups(self, states: States) -> tuple[Group, ...]:
        """The groups of entries of an action, in order. Raises DataError like `resolved`."""
        kept = self.resolved(states).components
        if self.name in ("joints", "commands"):
            return (Group(self.name, len(kept)),)
        wholes, columns = self._split(kept)
        sizes = {"rotation": 3 if self.rotation == "vector" else 6, "translation": 3, "seconds": 1, "angle": 1}
        groups = [Group(name, sizes[name]) for name in sizes if name in wholes]
        # Columns have different units, so each gets its own scale.
        groups += [Group(name, 2 if self.rotation == "6d" and angle_unit(name) else 1) for name in columns]
        return tuple(groups)

    def size(self, states: States) -> int:
        """The number A of entries of an action. Raises DataError like `resolved`."""
        return sum(group.size for group in self.groups(states))

    def usable(self, states: States) -> NDArray[np.bool_]:
        """Frames whose states contain all that this space needs.

        Args:
            states: the data, F frames.

        Returns:
            bool [F].

        Raises:
            DataError: the data lack a component.
        """
        if self.name == "time":
            return np.ones(len(states.stamps_ns), bool)
        if self.name == "turn_size":
            everything = np.arange(len(states.stamps_ns))
            return np.isfinite(turn_angle(states, everything, everything))
        kept = self.resolved(states).components
        if self.name in ("joints", "commands"):
            return _known(_columns(*self._joints(states), kept))
        wholes, columns = self._split(kept)
        usable = _known(_columns(states.recorded, states.recorded_names, columns))
        if not wholes:
            return usable
        part = _PARTS[wholes[0]] if self.name == "object_pose" and len(wholes) == 1 else slice(0, 7)
        return usable & _known(self._poses(states)[:, part])

    def displacement(self, states: States, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float32]:
        """Compute the actions from frames first[i] to frames second[i].

        Args:
            states: the data.
            first, second: int64 [N], frame indices.

        Returns:
            float32 [N, A], not normalised, in the units of the module's table; NaN if a frame is not usable.

        Raises:
            DataError: the data lack a component.
        """
        if self.name == "time":
            seconds = (states.stamps_ns[second] - states.stamps_ns[first]) * 1e-9
            return seconds[:, None].astype(np.float32)
        if self.name == "turn_size":
            return turn_angle(states, first, second)[:, None].astype(np.float32)
        kept = self.resolved(states).components
        if self.name in ("joints", "commands"):
            return self._joint_displacement(states, kept, first, second)
        wholes, columns = self._split(kept)
        parts = []
        if wholes:
            poses = self._poses(states)
            relative = object_displacement if self.name == "object_pose" else end_effector_displacement
            turn, translation = relative(poses[first], poses[second])
            parts += [self._encode(turn)] if "rotation" in wholes else []
            parts += [translation] if "translation" in wholes else []
        if columns:
            values = [_columns(states.recorded[frames], states.recorded_names, columns) for frames in (first, second)]
            parts.append(recorded_displacement(values[0], values[1], columns, cosines=self.rotation == "6d"))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """The space as JSON values."""
        return {"name": self.name, "rotation": self.rotation, "components": list(self.components)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ActionSpace:
        """The space from the values that `to_json` returned."""
        return cls(values["name"], values["rotation"], tuple(values["components"]))

    def _available(self, states: States) -> tuple[str, ...]:
        if self.name in ("joints", "commands"):
            return self._joints(states)[1]
        if self.name == "recorded":
            return states.recorded_names
        return {"time": ("seconds",), "turn_size": ("angle",)}.get(self.name, (*_PARTS, *states.recorded_names))

    def _by_default(self, states: States, available: tuple[str, ...]) -> tuple[str, ...]:
        """The components if none are given.

        For a pose: the parts that most frames with a pose have (some data sets have only rotations), and the recorded
        columns that all of these frames have.
        """
        if self.name not in ("object_pose", "end_effector"):
            return available
        poses = self._poses(states)
        known = {name: _known(poses[:, part]) for name, part in _PARTS.items()}
        some = np.any(list(known.values()), axis=0)
        parts = tuple(name for name in _PARTS if some.any() and known[name][some].mean() >= 0.5) or tuple(_PARTS)
        posed = np.any([known[name] for name in parts], axis=0)
        recorded = states.recorded[posed]
        columns = enumerate(states.recorded_names)
        return parts + tuple(name for index, name in columns if np.isfinite(recorded[:, index]).all())

    def _split(self, kept: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Split components into the parts of a pose (or the one number of a control), and recorded columns."""
        wholes = () if self.name == "recorded" else (*_PARTS, "seconds", "angle")
        return tuple(n for n in kept if n in wholes), tuple(n for n in kept if n not in wholes)

    def _poses(self, states: States) -> NDArray[np.float64]:
        return states.object_pose if self.name == "object_pose" else states.tip_pose

    def _joints(self, states: States) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        if self.name == "joints":
            return states.joint_position, states.joint_names
        return states.joint_command, states.command_names

    def _joint_displacement(
        self, states: States, kept: tuple[str, ...], first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        values, names = self._joints(states)  # select rows before columns, because there are far fewer rows
        before, after = (_columns(values[frames], names, kept).astype(np.float64) for frames in (first, second))
        continuous = [name in states.continuous_joints for name in kept]
        return np.where(continuous, wrapped(after - before), after - before).astype(np.float32)

    def _encode(self, turn: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.rotation == "vector":
            return rotations.to_rotation_vector(turn)
        return rotations.matrix_to_6d(rotations.to_matrix(turn))


def choose_action_space(states: States) -> str:
    """Choose an action space for the data.

    Args:
        states: the data.

    Returns:
        The first of object_pose, recorded, end_effector and joints that half of the frames can use, else "time".
    """
    return next((name for name, share in action_space_shares(states).items() if share >= ENOUGH_FRAMES), "time")


def action_space_shares(states: States) -> dict[str, float]:
    """Find which action spaces data have.

    Args:
        states: the data.

    Returns:
        The share of frames that each can use, 0 to 1, for those that `choose_action_space` chooses from, in its order.
        Spaces that no frame can use are left out.
    """
    columns = {"recorded": states.recorded_names, "joints": states.joint_names}
    shares = {}
    for name in PREFERRED:
        usable = ActionSpace(name).usable(states) if columns.get(name, True) else np.zeros(0, bool)
        if usable.any():
            shares[name] = float(usable.mean())
    return shares


def _known(values: NDArray[Any]) -> NDArray[np.bool_]:
    """The rows of [F, n] without NaN: bool [F]."""
    return np.asarray(np.isfinite(values).all(axis=1))


def _columns(values: NDArray[Any], names: tuple[str, ...], kept: tuple[str, ...]) -> NDArray[Any]:
    """The columns of [N, n] with the names `kept`, in that order."""
    return values if kept == names else values[:, [names.index(name) for name in kept]]
