"""Action spaces: what the arm did between two frames of one episode, as a vector.

| name | groups | from |
|---|---|---|
| object_pose | rotation R' R^T, translation (p' - p) / |p| | the object's pose in the camera's frame |
| end_effector | rotation R^T R', translation R^T (p' - p) in m | the tip's pose in the arm's base frame |
| joints, commands | joints: difference in rad or m, wrapped for continuous joints | measured, commanded positions |
| recorded | one a column: difference; NAME_rad and NAME_deg are angles, wrapped, in rad | what the data set says |
| time | seconds t' - t | stamps: a control that knows a clock only |
| turn_size | angle in rad | object's, else tip's pose: a control that knows no axis |
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
from aassl_ros.data.pairs.states import States
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

ACTION_SPACES = ("object_pose", "end_effector", "joints", "commands", "recorded", "time", "turn_size")
ROTATIONS = ("vector", "6d")
SCALE_FLOOR = 1e-3
"""Smallest scale of a group (rad, m or s): below it there is noise and no action."""
_PARTS = {"rotation": slice(3, 7), "translation": slice(0, 3)}
"""Parts of a pose [F, 7] by the component they make."""
_LEFT_OUT = "-"


@dataclass(frozen=True)
class Group:
    """Neighbouring entries of an action that share one unit and so one scale."""

    name: str
    size: int


@dataclass(frozen=True)
class ActionSpace:
    """A named action space and the parts of it that are kept.

    rotation: how a turn is written; recorded angles are one number as "vector", cosine and sine as "6d".
    components: those kept (rotation, translation; joints; recorded columns, also beside a pose), or with a minus before
    each those left out; empty keeps all that are known.
    """

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
        if not available:
            raise DataError(f"action space {self.name}: these data hold no column of it. Choose another action space.")
        left_out = tuple(name[1:] for name in self.components if name.startswith(_LEFT_OUT))
        if left_out and len(left_out) < len(self.components):
            raise DataError(f"action components {', '.join(self.components)}: keep some or leave some out, not both.")
        for component in left_out or self.components:
            if component not in available:
                found = ", ".join(available)
                raise DataError(f"action space {self.name}: no component {component!r} in these data (found: {found}).")
        if self.components and not left_out:
            return self
        kept = tuple(name for name in self._by_default(states, available) if name not in left_out)
        if not kept:
            raise DataError(f"action space {self.name}: {', '.join(self.components)} leaves nothing of it.")
        return replace(self, components=kept)

    def groups(self, states: States) -> tuple[Group, ...]:
        """The parts of an action, in order."""
        kept = self.resolved(states).components
        if self.name in ("joints", "commands"):
            return (Group(self.name, len(kept)),)
        wholes, columns = self._split(kept)
        sizes = {"rotation": 3 if self.rotation == "vector" else 6, "translation": 3, "seconds": 1, "angle": 1}
        groups = [Group(name, sizes[name]) for name in sizes if name in wholes]
        # Columns are of different units: a scale each.
        groups += [Group(name, 2 if self.rotation == "6d" and angle_unit(name) else 1) for name in columns]
        return tuple(groups)

    def size(self, states: States) -> int:
        """Number A of entries of an action."""
        return sum(group.size for group in self.groups(states))

    def usable(self, states: States) -> NDArray[np.bool_]:
        """bool [F]: the frames at which everything this space needs is known."""
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
        """Actions float32 [N, A] from frames first[i] to second[i], not normalised; NaN where a frame is not usable."""
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
        return {"name": self.name, "rotation": self.rotation, "components": list(self.components)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ActionSpace:
        return cls(values["name"], values["rotation"], tuple(values["components"]))

    def _available(self, states: States) -> tuple[str, ...]:
        if self.name in ("joints", "commands"):
            return self._joints(states)[1]
        if self.name == "recorded":
            return states.recorded_names
        return {"time": ("seconds",), "turn_size": ("angle",)}.get(self.name, (*_PARTS, *states.recorded_names))

    def _by_default(self, states: States, available: tuple[str, ...]) -> tuple[str, ...]:
        """What is kept where nothing is said: of poses the parts that most frames have (of some objects the turn alone
        is known), and the recorded columns that every frame with a pose has.
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
        """Parts of a pose (or the one number of a control), and recorded columns."""
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
        values, names = self._joints(states)  # rows are picked before columns: there are far fewer
        before, after = (_columns(values[frames], names, kept).astype(np.float64) for frames in (first, second))
        continuous = [name in states.continuous_joints for name in kept]
        return np.where(continuous, wrapped(after - before), after - before).astype(np.float32)

    def _encode(self, turn: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.rotation == "vector":
            return rotations.to_rotation_vector(turn)
        return rotations.matrix_to_6d(rotations.to_matrix(turn))


def choose_action_space(states: States) -> str:
    """The first of object_pose, recorded, end_effector, joints that half of the frames can be used in, else time."""
    columns = {"recorded": states.recorded_names, "joints": states.joint_names}
    for name in ("object_pose", "recorded", "end_effector", "joints"):
        if not columns.get(name, True):
            continue
        usable = ActionSpace(name).usable(states)
        if len(usable) and usable.mean() >= 0.5:
            return name
    return "time"


def _known(values: NDArray[Any]) -> NDArray[np.bool_]:
    """bool [F]: the rows of [F, n] without a NaN."""
    return np.asarray(np.isfinite(values).all(axis=1))


def _columns(values: NDArray[Any], names: tuple[str, ...], kept: tuple[str, ...]) -> NDArray[Any]:
    """The columns of [N, n] of some names, in their order."""
    return values if kept == names else values[:, [names.index(name) for name in kept]]


def turn_angle(states: States, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Angle [N] in rad, 0 to pi, between two frames: of the object where both its poses are known, else of the tip,
    else of the recorded column that is an angle, where there is just one.
    """
    angle = rotations.angle_between(states.object_pose[first, 3:], states.object_pose[second, 3:])
    unknown = np.isnan(angle)
    if unknown.any():
        tips = states.tip_pose
        angle[unknown] = rotations.angle_between(tips[first[unknown], 3:], tips[second[unknown], 3:])
        unknown = np.isnan(angle)
    angles = [name for name in states.recorded_names if angle_unit(name)] if unknown.any() else []
    if len(angles) == 1:
        turn = ActionSpace("recorded", components=(angles[0],)).displacement(states, first[unknown], second[unknown])
        angle[unknown] = np.abs(turn[:, 0])
    return angle


_TAILS = (25, 5, 1)
"""Per cent of the actions left out at either end: the first range above the floor is the scale."""


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
        hardly change (as 6D entries at small turns), and outliers do not move it as they do a standard deviation. What
        mostly rests, as a gripper, has an interquartile range of zero: there a wider range is taken.
        """
        actions = actions[np.isfinite(actions).all(axis=1)]
        if len(actions) == 0:
            raise DataError("no pair of frames has an action. Choose another action space or check the joint stream.")
        if len(actions) > 1 and np.ptp(actions, axis=0).max() < 1e-6:  # rad, m or s: rounding
            raise DataError(
                "every action is the same: the arm did not move, or between all pairs alike. Collect data in which it "
                "does, or choose another window or action space."
            )
        median, *borders = np.percentile(actions, (50, *_TAILS, *(100 - less for less in _TAILS)), axis=0)
        ranges = [upper - lower for lower, upper in zip(borders[: len(_TAILS)], borders[len(_TAILS) :], strict=True)]
        scale, at = np.empty_like(median), 0
        for group in groups:
            part = slice(at, at + group.size)
            found = (float(each[part].max()) for each in ranges)
            scale[part] = next((width for width in found if width > SCALE_FLOOR), SCALE_FLOOR)
            at += group.size
        return cls(median.astype(np.float32), scale.astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        return {"median": self.median.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Normalisation:
        return cls(np.asarray(values["median"], np.float32), np.asarray(values["scale"], np.float32))
