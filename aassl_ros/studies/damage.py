"""Damaged recordings, made from good ones: lost frames, uneven rates, wrong stamps, late states.

All times are in frames: multiples of the median time between two frames of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.displacements import angle_unit, wrapped
from aassl_ros.data.prepared.data import EpisodeRow, PreparedData
from aassl_ros.motion import rotations

_STREAM = 3  # number of the random stream
_STRETCH = 8
"""With uneven rates: number of frames after which the rate changes."""
_SLOW_SHARE = 0.25
_LEAST_FRAMES = 2  # frames of each episode that are always kept: a pair


@dataclass(frozen=True)
class Damage:
    """The kind and amount of damage.

    missing: share of frames that are lost, drawn independently. uneven: every second stretch of 8 frames has a quarter
    of the rate. jitter: largest error of stamps, in both directions, in frames; states are those at the wrong stamp.
    latency: states are those of so many frames earlier.
    """

    missing: float = 0.0
    uneven: bool = False
    jitter: float = 0.0
    latency: float = 0.0

    @property
    def loses_frames(self) -> bool:
        return self.uneven or self.missing > 0


def damaged(data: PreparedData, damage: Damage, seed: int) -> PreparedData:
    """Return damaged data, in memory. Frames are copied only if some are lost. seed: of the random damage."""
    rng = np.random.default_rng((seed, _STREAM))
    interval_ns = frame_interval_ns(data)
    wrong = damage.jitter * interval_ns * rng.uniform(-1, 1, len(data))
    stamps = _rising(data, data.stamps_ns + wrong.round().astype(np.int64))
    moved = replace(data, stamps_ns=stamps)
    if damage.jitter or damage.latency:
        moved = _with_states_at(moved, data.stamps_ns, stamps - round(damage.latency * interval_ns))
    kept = _kept(data, damage, rng)
    if not kept.all():
        moved = _without(moved, kept)
    return replace(moved, fingerprint=f"{data.fingerprint} {asdict(damage)} {seed}")


def frame_interval_ns(data: PreparedData) -> float:
    """Return the median time between two frames of one episode in ns; 0 if no episode has two frames."""
    gaps = np.diff(data.stamps_ns)[np.diff(data.episode_of) == 0]
    return float(np.median(gaps)) if len(gaps) else 0.0


def _rising(data: PreparedData, stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort the stamps of each episode, and make each at least 1 ns later than the one before."""
    order = np.lexsort((stamps, data.episode_of))
    within = np.arange(len(stamps)) - np.repeat(*_starts(data.episodes))
    rising = stamps[order] - within
    for row in data.episodes:
        part = slice(row.start, row.stop)
        rising[part] = np.maximum.accumulate(rising[part])
    return rising + within


def _starts(episodes: tuple[EpisodeRow, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts = np.array([row.start for row in episodes], np.int64)
    return starts, np.array([row.stop - row.start for row in episodes], np.int64)


def _with_states_at(data: PreparedData, known_ns: NDArray[np.int64], times_ns: NDArray[np.int64]) -> PreparedData:
    """Interpolate the states from the times known_ns [F] to times_ns [F] of the same episodes.

    Before the first and after the last known time of an episode, its first or last state is used.
    """
    place = np.empty(len(data))
    for row in data.episodes:
        part = slice(row.start, row.stop)
        own = known_ns[part]
        place[part] = np.interp(times_ns[part] - own[:1], own - own[:1], np.arange(row.start, row.stop, dtype=float))
    before = np.floor(place).astype(np.int64)
    weight = (place - before)[:, None]
    after = before + (weight[:, 0] > 0)
    joints, commands = (
        [float(name in data.continuous_joints) for name in names] for names in (data.joint_names, data.command_names)
    )
    recorded = [angle_unit(name) for name in data.recorded_names]
    return replace(
        data,
        joint_position=_between(data.joint_position, before, after, weight, joints).astype(np.float32),
        joint_command=_between(data.joint_command, before, after, weight, commands).astype(np.float32),
        recorded=_between(data.recorded, before, after, weight, recorded),
        object_pose=_poses_between(data.object_pose, before, after, weight),
        tip_pose=_poses_between(data.tip_pose, before, after, weight),
    )


def _between(
    values: NDArray,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    weight: NDArray[np.float64],
    angle_units: Sequence[float] = (),
) -> NDArray[np.float64]:
    """Interpolate between rows. angle_units: radians per unit of each column that is an angle, 0 for the others."""
    change = values[after].astype(np.float64) - values[before]
    for column, unit in enumerate(angle_units):
        if unit:
            change[:, column] = wrapped(change[:, column] * unit) / unit
    return np.where(weight > 0, values[before] + weight * change, values[before])


def _poses_between(
    poses: NDArray[np.float64], before: NDArray[np.int64], after: NDArray[np.int64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    turn = rotations.multiply(poses[after, 3:], rotations.inverse(poses[before, 3:]))
    part = rotations.from_rotation_vector(weight * rotations.to_rotation_vector(turn))
    turned = rotations.multiply(part, poses[before, 3:])
    return np.concatenate([_between(poses[:, :3], before, after, weight), turned], axis=1)


def _kept(data: PreparedData, damage: Damage, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw which frames are kept, bool [F]; of each episode at least the first two."""
    share = np.full(len(data), 1 - damage.missing)
    within = np.arange(len(data)) - np.repeat(*_starts(data.episodes))
    if damage.uneven:
        share = np.where(within // _STRETCH % 2 == 1, _SLOW_SHARE * share, share)
    return np.asarray((rng.random(len(data)) < share) | (within < _LEAST_FRAMES))


def _without(data: PreparedData, kept: NDArray[np.bool_]) -> PreparedData:
    """Return the data with only the frames in `kept`."""
    at = np.concatenate([[0], np.cumsum(kept)])
    episodes = tuple(replace(row, start=int(at[row.start]), stop=int(at[row.stop])) for row in data.episodes)
    return replace(
        data,
        frames=data.frames[kept],
        stamps_ns=data.stamps_ns[kept],
        joint_position=data.joint_position[kept],
        joint_command=data.joint_command[kept],
        object_pose=data.object_pose[kept],
        tip_pose=data.tip_pose[kept],
        recorded=data.recorded[kept],
        episodes=episodes,
        episode_of=data.episode_of[kept],
    )
