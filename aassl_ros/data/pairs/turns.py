"""The size of the turn between two frames: of the object, else of the tip, else of a recorded angle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.displacements import angle_unit, wrapped
from aassl_ros.data.pairs.states import States
from aassl_ros.motion import rotations

_CONSTANT = 1e-6  # rad or degrees: a recorded angle that changes less within every episode is constant


def turn_angle(states: States, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the rotation angle between two frames.

    It uses the poses of the object if known, else those of the tip, else the only recorded angle that both frames have.
    If they have several, those that are constant within every episode are ignored.

    Args:
        states: the data.
        first, second: int64 [N], frame indices.

    Returns:
        float64 [N], rad, from 0 to pi; NaN if unknown.
    """
    angle = rotations.angle_between(states.object_pose[first, 3:], states.object_pose[second, 3:])
    unknown = np.isnan(angle)
    if unknown.any():
        tips = states.tip_pose
        angle[unknown] = rotations.angle_between(tips[first[unknown], 3:], tips[second[unknown], 3:])
        unknown = np.isnan(angle)
    if unknown.any() and turning_angles(states):
        angle[unknown] = _recorded_turns(states, first[unknown], second[unknown])
    return angle


def turn_degrees(states: States, first: NDArray[np.int64], tried: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rotation angles [N, K], degrees, from frames first[i] to tried[i, k], like `turn_angle`; exact to 1e-6.

    This is 15 times as fast as the exact angle, which matters because there are many draws.
    """
    angle = np.full(tried.shape, np.nan)
    for poses in (states.object_pose, states.tip_pose):
        rows = np.flatnonzero(np.isnan(angle).any(axis=1))
        if len(rows) == 0:
            return angle
        here, there = poses[first[rows]][:, 3:, None], poses.take(tried[rows], axis=0)[..., 3:]
        lengths = np.linalg.norm(here, axis=1) * np.linalg.norm(there, axis=2)
        cosine = np.abs(np.matmul(there, here)[..., 0]) / lengths
        turned = np.degrees(2 * np.arccos(np.minimum(cosine, 1)))
        angle[rows] = np.where(np.isnan(angle[rows]), turned, angle[rows])
    if np.isnan(angle).any():
        turned = np.degrees(_recorded_turns(states, first[:, None], tried))
        angle = np.where(np.isnan(angle), turned, angle)
    return angle


def turning_angles(states: States) -> tuple[str, ...]:
    """The recorded angles from which a turn is computed.

    Args:
        states: the data. If they have no `episode_of`, they count as one episode.

    Returns:
        The names of the recorded angles; those that are constant within every episode only if none of them changes.
    """
    names = tuple(name for name in states.recorded_names if angle_unit(name))
    if len(names) < 2 or len(states.recorded) == 0:
        return names
    episode = getattr(states, "episode_of", np.zeros(len(states.recorded), np.int64))
    starts = np.flatnonzero(np.diff(episode, prepend=episode[0] - 1))

    def changes(name: str) -> bool:
        values = states.recorded[:, states.recorded_names.index(name)]
        spans = np.fmax.reduceat(values, starts) - np.fmin.reduceat(values, starts)
        return bool((spans > _CONSTANT).any())

    return tuple(name for name in names if changes(name)) or names


def unknown_turn(states: States) -> str:
    """The reason why data have no turn: "the turn is unknown: there are two recorded angles (azimuth_deg, ...)"."""
    names = turning_angles(states)
    if len(names) < 2:
        return (
            "the turn is unknown: no frame has a pose of the object or of the tip, or a recorded angle (a column "
            "action.NAME_deg or action.NAME_rad)"
        )
    count = "two" if len(names) == 2 else str(len(names))
    return f"the turn is unknown: there are {count} recorded angles ({', '.join(names)})"


def _recorded_turns(states: States, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """The turn by recorded angles alone, rad; NaN if the frames have none, or several that change.

    first, second: frame indices; their shapes broadcast to that of the result.
    """
    every = tuple(name for name in states.recorded_names if angle_unit(name))
    turn = _only_turn(states, every, first, second)
    if len(every) > 1:
        turn = np.where(np.isnan(turn), _only_turn(states, turning_angles(states), first, second), turn)
    return turn


def _only_turn(
    states: States, names: tuple[str, ...], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The turn by the only one of these recorded angles that both frames have, rad; NaN if it is not one."""
    total, known = np.zeros(()), np.zeros((), np.int64)
    for name in names:
        values = states.recorded[:, states.recorded_names.index(name)]
        change = wrapped((values[second] - values[first]) * angle_unit(name))
        turn = np.abs(change.astype(np.float32))  # rounded like an action, so that both agree at a border
        total, known = total + np.where(np.isfinite(turn), turn, 0), known + np.isfinite(turn)
    shape = np.broadcast_shapes(first.shape, second.shape)
    return np.broadcast_to(np.where(known == 1, total, np.nan), shape)
