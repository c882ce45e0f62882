"""Pairs of frames (t, t') of one episode: t' is another frame, uniform over a window cut to the episode."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import turn_angle
from aassl_ros.data.pairs.partners import EpisodicStates, PartnerRanges, draw_partners, episode_keys, window_ranges
from aassl_ros.data.pairs.window import Window
from aassl_ros.errors import DataError


class PairSampler:
    """Draws partners for the given frames from among them; a pair costs as much among a million as among thousands.

    `anchors` int64, rising: the frames that have a partner at all (for degrees: another frame in their episode).
    """

    def __init__(self, states: EpisodicStates, frames: NDArray[np.int64], window: Window) -> None:
        """frames int64, rising: the ones to use; for a window in degrees those of unknown pose are left out.

        Raises DataError where no frame has a partner.
        """
        if window.unit == "degrees" and len(frames):
            known = turn_angle(states, frames, frames)
            frames = frames[np.isfinite(known)]
        self.states, self.frames, self.window = states, frames, window
        keys, key_range = episode_keys(states, frames, window)
        ranges = window_ranges(window, keys, np.arange(len(frames)), key_range)
        self.anchors = frames[ranges.count > 0]
        # Searched for once: afterwards a pair costs two look-ups, each of neighbouring numbers.
        self._ranges = ranges.table()
        self._position_of = np.full(len(states.episode_of), -1)
        self._position_of[frames] = np.arange(len(frames))
        if len(self.anchors) == 0:
            raise DataError(
                f"no pair among {len(frames)} frames within {window.description}. "
                "Widen the window or collect longer episodes."
            )

    def partners(self, anchors: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """int64 [N]: for each anchor (see `anchors`) another frame of its window.

        Where no draw met a window in degrees, the nearest miss. Raises DataError for a frame without partner.
        """
        positions = self._position_of[anchors]
        ranges = PartnerRanges(*self._ranges[positions].T)
        if not ((ranges.count > 0) & (positions >= 0)).all():
            raise DataError("a frame that has no partner was asked for one. Draw from the sampler's anchors.")
        return self.frames[draw_partners(self.states, self.frames, ranges, positions, self.window, rng)]

    def epoch(self, rng: np.random.Generator, batch_size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Batches (first [N], second [N]) that take each anchor once in random order, without the last partial one."""
        order = rng.permutation(self.anchors)
        for start in range(0, len(order) - batch_size + 1, batch_size):
            first = order[start : start + batch_size]
            yield first, self.partners(first, rng)
