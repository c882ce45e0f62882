"""Draws pairs of frames (t, t') of one episode: t' is another frame, uniform over the window within the episode."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.batch_order import distinct_order
from aassl_ros.data.pairs.partners import draw_partners
from aassl_ros.data.pairs.ranges import EpisodicStates, PartnerRanges, episode_keys, window_ranges
from aassl_ros.data.pairs.turn_reach import TurnReach, measure_reach
from aassl_ros.data.pairs.turns import turn_angle, unknown_turn
from aassl_ros.data.pairs.window import Window
from aassl_ros.errors import DataError


class PairSampler:
    """Draws partners for frames. The time per pair does not depend on the number of frames.

    Attributes:
        frames: int64, increasing: the frames in use; for a window in degrees, those whose turn is known.
        anchors: int64, increasing: the frames to begin a pair with. They have a partner (for a window in degrees:
            another frame in the episode); with `unpaired`, they are all that were given.
        unknown: int64: the frames that a window in degrees leaves out because their turn is unknown.
    """

    def __init__(
        self, states: EpisodicStates, frames: NDArray[np.int64], window: Window, *, unpaired: bool = False
    ) -> None:
        """Find the partners of all frames.

        Args:
            states: the data, for example PreparedData.
            frames: int64, increasing: the frames to use. For a window in degrees, frames of unknown turn are skipped.
            window: how far apart the two frames of a pair may be.
            unpaired: whether frames without a partner are anchors too, for pairs of one frame. They are their own
                partner.

        Raises:
            DataError: no frame has a partner; with `unpaired`: there is no frame.
        """
        given, self.unknown = frames, np.zeros(0, np.int64)
        if window.unit == "degrees" and len(frames):
            known = np.isfinite(turn_angle(states, frames, frames))
            frames, self.unknown = frames[known], frames[~known]
        self.states, self.frames, self.window, self._unpaired = states, frames, window, unpaired
        keys, key_range = episode_keys(states, frames, window)
        ranges = window_ranges(window, keys, np.arange(len(frames)), key_range)
        self.anchors = given if unpaired else frames[ranges.count > 0]
        # Searched once: after this, each pair needs only two look-ups.
        self._ranges = ranges.table()
        self._position_of = np.full(len(states.episode_of), -1)
        self._position_of[frames] = np.arange(len(frames))
        if len(self.anchors) == 0:
            raise DataError(_without_pairs(states, given, frames, window))

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
        paired = np.flatnonzero(positions >= 0)
        ranges = PartnerRanges(*self._ranges[positions[paired]].T)
        if not (ranges.count > 0).all():
            paired = paired[ranges.count > 0]
            ranges = PartnerRanges(*self._ranges[positions[paired]].T)
        if len(paired) < len(anchors) and not self._unpaired:
            raise DataError("a frame has no partner. Take frames out of the sampler's anchors.")
        second = anchors.copy()
        drawn = draw_partners(self.states, self.frames, ranges, positions[paired], self.window, rng)
        second[paired] = self.frames[drawn]
        return second

    def reach(self) -> TurnReach | None:
        """How the frames fit a window in degrees; None for another window. It takes up to a second."""
        if self.window.unit != "degrees":
            return None
        return measure_reach(self.states, self.frames, PartnerRanges(*self._ranges.T), self.window)

    def epoch(
        self,
        rng: np.random.Generator,
        batch_size: int,
        *,
        distinct_episodes: bool = False,
        shards: int = 1,
        parts: int = 1,
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield batches of pairs that use each anchor once, in random order. The last partial batch is dropped.

        Args:
            rng: the random generator.
            batch_size: number N of pairs in a batch.
            distinct_episodes: whether the pairs of a batch are of different episodes, as far as possible.
            shards: number S of shards (see `cut_into_shards`). Each batch has N / S pairs of each shard, and the
                surplus of the larger shards is dropped too.
            parts: number of equal parts of a batch. Each part has the pairs of shard 0 first, then those of shard 1,
                and so on.

        Yields:
            (first, second): int64 [N] each, frames.

        Raises:
            DataError: there are fewer episodes than shards.
        """
        cut = [self.anchors] if shards == 1 else self.cut_into_shards(shards)
        orders = [self._order(anchors, rng, batch_size // shards, distinct_episodes) for anchors in cut]
        order = _interleaved(orders, batch_size // shards, parts)
        for start in range(0, len(order), batch_size):
            first = order[start : start + batch_size]
            yield first, self.partners(first, rng)

    def cut_into_shards(self, shards: int) -> list[NDArray[np.int64]]:
        """Cut the anchors into shards of consecutive whole episodes, of nearly equal size.

        Args:
            shards: number of shards.

        Returns:
            The anchors of each shard, int64, increasing.

        Raises:
            DataError: there are fewer episodes than shards.
        """
        starts = np.flatnonzero(np.diff(self.states.episode_of[self.anchors], prepend=-1))
        if len(starts) < shards:
            raise DataError(
                f"shards = {shards}, but the frames to pair are of {len(starts)} episodes. Choose at most as many."
            )
        cuts = [0]
        for shard in range(1, shards):
            # The border of episodes nearest to an equal share; one episode at least for this and each later shard.
            possible = starts[(starts > cuts[-1]) & (np.arange(len(starts)) <= len(starts) - shards + shard)]
            cuts.append(int(possible[np.argmin(np.abs(possible - shard * len(self.anchors) / shards))]))
        return np.split(self.anchors, cuts[1:])

    def _order(
        self, anchors: NDArray[np.int64], rng: np.random.Generator, share: int, distinct_episodes: bool
    ) -> NDArray[np.int64]:
        """The anchors in the order of an epoch. share: how many of them a batch has."""
        if not distinct_episodes:
            return rng.permutation(anchors)
        return anchors[distinct_order(self.states.episode_of[anchors], rng, share)]


def _without_pairs(states: EpisodicStates, given: NDArray[np.int64], frames: NDArray[np.int64], window: Window) -> str:
    """The reason why no frame has a partner. frames: those of the `given` ones whose turn is known."""
    if len(given) and not len(frames):
        return (
            f"no pair among {len(given)} frames within {window.description}: {unknown_turn(states)}. "
            "Use a window in frames (--window frames:3) or the whole episode."
        )
    advice = "Widen the window or collect longer episodes."
    if len(frames) and np.bincount(states.episode_of)[states.episode_of[frames]].max() == 1:
        advice = "Each episode has one picture: give the pictures of an object the same episode."
    return f"no pair among {len(frames)} frames within {window.description}. {advice}"


def _interleaved(orders: list[NDArray[np.int64]], share: int, parts: int) -> NDArray[np.int64]:
    """The anchors of all batches, one batch after the other. share: pairs of a batch that are of one shard."""
    batches = min(map(len, orders)) // share
    if len(orders) == 1:
        return orders[0][: batches * share]
    cut = [order[: batches * share].reshape(batches, parts, share // parts) for order in orders]
    return np.stack(cut, axis=2).reshape(-1)
