"""Draws pairs from the lanes of a buffer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.partners import draw_partners
from aassl_ros.data.pairs.ranges import window_ranges
from aassl_ros.data.pairs.states import States
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.replay.lane import STRETCH_GAP, Lane

_DRAWS = 8
"""Maximum number of partners drawn for a frame until one has an action."""


@dataclass(frozen=True)
class RawPairs:
    """N pairs of frames.

    first, second: uint8 [N, S, S, 3]. actions: float32 [N, A], not normalised; [N, 0] without an action space.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    actions: NDArray[np.float32]


@dataclass(frozen=True)
class PairSlots:
    """The slots of N pairs.

    first, second: int64 [N]. serials: int64 [N, 2], the serials of both frames when they were drawn: another frame in
    the slot has another one. actions: float32 [N, A], not normalised.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    serials: NDArray[np.int64]
    actions: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: NDArray[np.bool_] | slice) -> PairSlots:
        """Some of the pairs."""
        return PairSlots(self.first[rows], self.second[rows], self.serials[rows], self.actions[rows])

    def and_then(self, others: PairSlots) -> PairSlots:
        """These pairs, then the others."""
        return PairSlots(
            np.concatenate([self.first, others.first]),
            np.concatenate([self.second, others.second]),
            np.concatenate([self.serials, others.serials]),
            np.concatenate([self.actions, others.actions]),
        )


class IndexedStates(States, Protocol):
    """The states of a buffer, by slot, with what is needed to find partners: its rows (see rows.py)."""

    @property
    def serial(self) -> NDArray[np.int64]: ...
    @property
    def lane(self) -> NDArray[np.int16]: ...
    @property
    def valid(self) -> NDArray[np.bool_]: ...


def draw_pairs(
    states: IndexedStates,
    lanes: Iterable[Lane],
    places: NDArray[np.int64],
    candidates: NDArray[np.int64],
    window: Window,
    space: ActionSpace | None,
    rng: np.random.Generator,
) -> PairSlots:
    """Draw a partner for each candidate.

    Args:
        states: of the frames, by slot.
        lanes: all of the buffer.
        places: int64 [capacity], the place of the frame of each slot in its lane.
        candidates: int64 [n], slots of first frames. Free slots and those of discarded frames are left out.
        window: how far apart the two frames may be.
        space: the action space; None for no actions.
        rng: the random generator.

    Returns:
        The pairs of those candidates that have a partner and an action, in the same order.
    """
    candidates = candidates[states.valid[candidates]]
    second = np.full(len(candidates), -1, np.int64)
    actions = np.zeros((len(candidates), 0 if space is None else space.size(states)), np.float32)
    lane_of = states.lane[candidates]
    for lane in lanes:
        rows = np.flatnonzero(lane_of == lane.number)
        if len(rows):
            positions = places[candidates[rows]] - lane.start
            second[rows], actions[rows] = _partners(states, lane, positions, window, space, actions[rows], rng)
    paired = second >= 0
    first, second = candidates[paired], second[paired]
    serials = np.stack([states.serial[first], states.serial[second]], axis=1)
    return PairSlots(first, second, serials, actions[paired])


def _partners(
    states: IndexedStates,
    lane: Lane,
    positions: NDArray[np.int64],
    window: Window,
    space: ActionSpace | None,
    actions: NDArray[np.float32],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Draw partners of the frames at positions of a lane. Returns their slots, -1 if none was found, and the actions.

    A range of partners never leaves the stretch of its frame, because the keys have a gap there. Frames are given up at
    the start of a lane or by whole stretches, so a range has no frame that is gone.
    """
    held = slice(lane.start, lane.stop)
    keys, slots = (lane.time_keys if window.unit == "seconds" else lane.frame_keys)[held], lane.slots[held]
    ranges = window_ranges(window, keys, positions, window.key_range(STRETCH_GAP - 1))
    first = slots[positions]
    second = np.full(len(positions), -1, np.int64)
    waiting = np.flatnonzero(ranges.count > 0)
    for _ in range(_DRAWS):  # a partner without an action (no command yet) is drawn again
        if len(waiting) == 0:
            break
        drawn = slots[draw_partners(states, slots, ranges.take(waiting), positions[waiting], window, rng)]
        if space is not None:
            actions[waiting] = space.displacement(states, first[waiting], drawn)
        known = np.isfinite(actions[waiting]).all(axis=1)
        second[waiting[known]] = drawn[known]
        waiting = waiting[~known]
    return second, actions
