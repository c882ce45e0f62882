"""The partners of a frame t: ranges of the frames t' that may form a pair with it.

Each frame gets a key that increases within an episode (its number or its stamp). Between episodes the key increases by
more than the window. So a window in frames, in seconds or over the whole episode is two ranges of sorted keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.states import States
from aassl_ros.data.pairs.window import Window


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
