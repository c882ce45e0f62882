"""Finds and draws the partners of a frame t: the frames t' that may form a pair with it.

Each frame gets a key that increases within an episode (its number or its stamp). Between episodes the key increases by
more than the window. So a window in frames, in seconds or over the whole episode is two ranges of sorted keys. A window
in degrees uses rejection sampling from the episode, with a limited number of draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import States, turn_angle
from aassl_ros.data.pairs.window import Window

TRIES = (16, 48, *(64,) * 7)
"""Numbers of draws in each round of rejection sampling. If 1 % of an episode is in the window, all 512 draws together
find such a frame with probability 0.994.
"""


class EpisodicStates(States, Protocol):
    """States whose frames are stored episode after episode."""

    @property
    def episode_of(self) -> NDArray[np.int64]:
        """The number of the episode of each frame, int64 [F]."""


@dataclass(frozen=True)
class PartnerRanges:
    """The partners of N positions: two half-open ranges of positions, before and after each. All arrays int64 [N]."""

    before_start: NDArray[np.int64]
    before_stop: NDArray[np.int64]
    after_start: NDArray[np.int64]
    after_stop: NDArray[np.int64]

    @property
    def count(self) -> NDArray[np.int64]:
        """The number of partners of each position."""
        return self.before_stop - self.before_start + self.after_stop - self.after_start

    def table(self) -> NDArray[np.int64]:
        """The ranges as int64 [N, 4], one row for each position."""
        return np.stack([self.before_start, self.before_stop, self.after_start, self.after_stop], axis=1)

    def after_only(self) -> PartnerRanges:
        """The ranges without the partners before each position."""
        return PartnerRanges(self.before_stop, self.before_stop, self.after_start, self.after_stop)

    def take(self, rows: NDArray[Any]) -> PartnerRanges:
        """The ranges of some rows: int64 [M] or bool [N]."""
        return PartnerRanges(
            self.before_start[rows], self.before_stop[rows], self.after_start[rows], self.after_stop[rows]
        )


def episode_keys(
    states: EpisodicStates, frames: NDArray[np.int64], window: Window
) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """Keys int64 [n] of the frames (see the module), and the smallest and largest key distance within the window."""
    if len(frames) == 0:
        return np.zeros(0, np.int64), (1, 1)
    episode = states.episode_of[frames]
    new = np.flatnonzero(np.diff(episode, prepend=episode[0] - 1))
    lengths = np.diff(new, append=len(frames))
    values = states.stamps_ns[frames] if window.unit == "seconds" else np.arange(len(frames), dtype=np.int64)
    within = values - np.repeat(values[new], lengths)
    spans = within[new + lengths - 1]
    smallest, largest = window.key_range(max(1, int(spans.max())))
    offsets = np.concatenate(([0], np.cumsum(spans + largest + 1)[:-1]))
    return within + np.repeat(offsets, lengths), (smallest, largest)


def window_ranges(
    window: Window, keys: NDArray[np.int64], positions: NDArray[np.int64], key_range: tuple[int, int]
) -> PartnerRanges:
    """The partners of each position in the sorted `keys`, for this window."""
    ranges = partner_ranges(keys, positions, *key_range)
    return ranges.after_only() if window.unit == "next" else ranges


def partner_ranges(keys: NDArray[np.int64], positions: NDArray[np.int64], smallest: int, largest: int) -> PartnerRanges:
    """The ranges of keys whose distance from the key at each position is `smallest` to `largest`."""
    here = keys[positions]
    before_start = np.searchsorted(keys, here - largest, "left")
    after_start = np.searchsorted(keys, here + smallest, "left")
    return PartnerRanges(
        before_start,
        np.maximum(before_start, np.searchsorted(keys, here - smallest, "right")),
        after_start,
        np.maximum(after_start, np.searchsorted(keys, here + largest, "right")),
    )


def pick_partners(ranges: PartnerRanges, draws: NDArray[np.int64]) -> NDArray[np.int64]:
    """The partner with number draws[i, ...] (0 to count[i] - 1) of row i; partners before the position come first."""
    column = (-1, *[1] * (draws.ndim - 1))
    before_start = ranges.before_start.reshape(column)
    before = ranges.before_stop.reshape(column) - before_start
    return np.where(draws < before, before_start + draws, ranges.after_start.reshape(column) + draws - before)


def draw_partners(
    states: States,
    frames: NDArray[np.int64],
    ranges: PartnerRanges,
    positions: NDArray[np.int64],
    window: Window,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw one partner for each position: positions int64 [N]. frames: the index into `states` of each position."""
    if window.unit == "degrees":
        return turned_partners(states, frames, ranges, positions, window, rng)
    if window.unit == "walk":
        return walked_partners(ranges, positions, int(window.maximum), rng)
    return pick_partners(ranges, rng.integers(0, ranges.count))


def walked_partners(
    ranges: PartnerRanges, positions: NDArray[np.int64], steps: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the end positions int64 [N] of random walks of 1 to `steps` steps within `ranges`.

    A walk that ends where it started is drawn again.
    """
    start = ranges.before_start
    last = np.where(ranges.after_stop > ranges.after_start, ranges.after_stop - 1, positions) - start
    ends = positions.copy()
    open_rows = np.arange(len(positions))
    while len(open_rows):  # at most half of the walks end where they started
        taken = rng.integers(1, steps + 1, len(open_rows))
        walked = positions[open_rows] - start[open_rows] + 2 * rng.binomial(taken, 0.5) - taken
        # Reflecting at both ends is the same as walking on and folding the line.
        around = walked % (2 * last[open_rows])
        ends[open_rows] = start[open_rows] + np.minimum(around, 2 * last[open_rows] - around)
        open_rows = open_rows[ends[open_rows] == positions[open_rows]]
    return ends


def turned_partners(
    states: States,
    frames: NDArray[np.int64],
    ranges: PartnerRanges,
    positions: NDArray[np.int64],
    window: Window,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw partners within `ranges` whose rotation is minimum to maximum degrees: positions int64 [N].

    If no draw is in the window, the draw that is nearest to it is used. A draw of unknown angle is used only if there
    is no other. frames: the index into `states` of each position.
    """
    best = pick_partners(ranges, rng.integers(0, ranges.count))
    least = np.full(len(positions), np.inf)
    for count in TRIES:
        open_rows = np.flatnonzero(least > 0)
        if len(open_rows) == 0:
            break
        still = ranges.take(open_rows)
        tried = pick_partners(still, rng.integers(0, still.count[:, None], (len(open_rows), count)))
        angle = _degrees(states, frames[positions[open_rows]], frames[tried])
        missed = np.maximum(0.0, np.maximum(window.minimum - angle, angle - window.maximum))
        missed[np.isnan(missed)] = np.inf
        nearest = missed.argmin(axis=1)  # the first draw in the window, so uniform over the window
        rows = np.arange(len(open_rows))
        better = missed[rows, nearest] < least[open_rows]
        best[open_rows[better]] = tried[rows, nearest][better]
        least[open_rows[better]] = missed[rows, nearest][better]
    return best


def _degrees(states: States, first: NDArray[np.int64], tried: NDArray[np.int64]) -> NDArray[np.float64]:
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
    unknown = np.isnan(angle)
    angle[unknown] = np.degrees(
        turn_angle(states, np.broadcast_to(first[:, None], tried.shape)[unknown], tried[unknown])
    )
    return angle
