"""Draws pairs of frames (t, t') of one episode: t' is another frame, uniform over the window within the episode."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import turn_angle
from aassl_ros.data.pairs.batch_order import distinct_order
from aassl_ros.data.pairs.partners import EpisodicStates, PartnerRanges, draw_partners, episode_keys, window_ranges
from aassl_ros.data.pairs.window import Window
from aassl_ros.errors import DataError


class PairSampler:
    """Draws partners for frames. The time per pair does not depend on the number of frames.

    anchors: int64, increasing: the frames that have a partner (for a window in degrees: another frame in the episode).
    """

    def __init__(self, states: EpisodicStates, frames: NDArray[np.int64], window: Window) -> None:
        """Find the partners of all frames.

        Args:
            states: the data, for example PreparedData.
            frames: int64, increasing: the frames to use. For a window in degrees, frames of unknown pose are skipped.
            window: how far apart the two frames of a pair may be.

        Raises:
            DataError: no frame has a partner.
        """
        if window.unit == "degrees" and len(frames):
            known = turn_angle(states, frames, frames)
            frames = frames[np.isfinite(known)]
        self.states, self.frames, self.window = states, frames, window
        keys, key_range = episode_keys(states, frames, window)
        ranges = window_ranges(window, keys, np.arange(len(frames)), key_range)
        self.anchors = frames[ranges.count > 0]
        # Searched once: after this, each pair needs only two look-ups.
        self._ranges = ranges.table()
        self._position_of = np.full(len(states.episode_of), -1)
        self._position_of[frames] = np.arange(len(frames))
        if len(self.anchors) == 0:
            raise DataError(
                f"no pair among {len(frames)} frames within {window.description}. "
                "Widen the window or collect longer episodes."
            )

    def partners(self, anchors: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw a partner for each anchor.

        Args:
            anchors: int64 [N], frames out of `self.anchors`.
            rng: the random generator.

        Returns:
            int64 [N], frames. For a window in degrees, the frame nearest to the window if no draw is inside it.

        Raises:
            DataError: a frame has no partner.
        """
        positions = self._position_of[anchors]
        ranges = PartnerRanges(*self._ranges[positions].T)
        if not ((ranges.count > 0) & (positions >= 0)).all():
            raise DataError("a frame has no partner. Take frames out of the sampler's anchors.")
        return self.frames[draw_partners(self.states, self.frames, ranges, positions, self.window, rng)]

    def epoch(
        self, rng: np.random.Generator, batch_size: int, *, distinct_episodes: bool = False
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield batches of pairs that use each anchor once, in random order. The last partial batch is dropped.

        Args:
            rng: the random generator.
            batch_size: number N of pairs in a batch.
            distinct_episodes: whether the pairs of a batch are of different episodes, as far as possible.

        Yields:
            (first, second): int64 [N] each, frames.
        """
        if distinct_episodes:
            order = self.anchors[distinct_order(self.states.episode_of[self.anchors], rng, batch_size)]
        else:
            order = rng.permutation(self.anchors)
        for start in range(0, len(order) - batch_size + 1, batch_size):
            first = order[start : start + batch_size]
            yield first, self.partners(first, rng)
