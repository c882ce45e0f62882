"""Partners within a window in degrees: drawn by rejection from the episode, with a limited number of draws.

An episode may have no frame within the window: a turntable with 6 views turns by 60 degrees at least. If draws have
missed the window and there are few candidates, all of them are looked at once. A frame without a partner then gets the
nearest one at once, in place of hundreds of draws in vain. A frame that has a partner is drawn for as before.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.ranges import PartnerRanges, pick_partners
from aassl_ros.data.pairs.states import States
from aassl_ros.data.pairs.turns import turn_degrees
from aassl_ros.data.pairs.window import Window

TRIES = (16, 48, *(64,) * 7)
"""Numbers of draws in each round of rejection sampling. If 1 % of an episode is in the window, all 512 draws together
find such a frame with probability 0.994.
"""
_SEARCHED_PER_DRAW, _SEARCHED = 4, 256
"""All candidates of a frame are looked at if they are at most four times as many as its draws so far, and 256."""
_AT_ONCE = 1 << 18
"""Number of angles that are computed at once: about 30 MB."""
_SEED = 16
"""So many draws seed the choice among equally near frames: it must not change the draws that follow."""
_SAME_DEG = 0.1
"""Turns whose distances from the window differ by less are equally near: one step of a turntable, either way."""


def turned_partners(
    states: States,
    frames: NDArray[np.int64],
    ranges: PartnerRanges,
    positions: NDArray[np.int64],
    window: Window,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw partners within `ranges` whose rotation is minimum to maximum degrees: positions int64 [N].

    If no draw is in the window, the draw that is nearest to it is used; of few candidates, the nearest one. A draw of
    unknown angle is used only if there is no other. frames: the index into `states` of each position.
    """
    best = pick_partners(ranges, rng.integers(0, ranges.count))
    least = np.full(len(positions), np.inf)
    searched, alone = np.zeros(len(positions), bool), np.zeros(len(positions), bool)
    drawn = 0
    for count in TRIES:
        open_rows = np.flatnonzero(least > 0)
        if len(open_rows) == 0 or alone.all():
            break
        # Rows without a partner draw too, in vain: so the other rows, and later batches, do not depend on the search.
        draws = rng.integers(0, ranges.count[open_rows, None], (len(open_rows), count))
        looking = np.flatnonzero(~alone[open_rows])
        for block in _blocks(len(looking), count):
            own = open_rows[looking[block]]
            tried = pick_partners(ranges.take(own), draws[looking[block]])
            missed = missed_degrees(turn_degrees(states, frames[positions[own]], frames[tried]), window)
            nearest = missed.argmin(axis=1)  # the first draw in the window, so uniform over the window
            rows = np.arange(len(own))
            better = missed[rows, nearest] < least[own]
            best[own[better]] = tried[rows, nearest][better]
            least[own[better]] = missed[rows, nearest][better]
        drawn += count
        few = ranges.count <= min(_SEARCHED, _SEARCHED_PER_DRAW * drawn)
        rows = np.flatnonzero((least > 0) & ~searched & few)
        searched[rows] = True
        aside = np.random.default_rng(draws.ravel()[:_SEED])
        for own, tried, angle in all_turns(states, frames, ranges, positions, rows):
            missed = missed_degrees(angle, window)
            without = missed.min(axis=1) > 0
            best[own[without]] = _one_of_the_nearest(tried[without], missed[without], aside)
            alone[own[without]] = True
    return best


def all_turns(
    states: States,
    frames: NDArray[np.int64],
    ranges: PartnerRanges,
    positions: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Compute the turns to all candidates of some rows, in blocks of bounded memory.

    Args:
        states: the data.
        frames: int64, the index into `states` of each position.
        ranges: the candidates of N positions.
        positions: int64 [N].
        rows: int64 [M], the rows of `ranges` to look at.

    Yields:
        (own, tried, angle) of each block: its rows int64 [B]; the positions of their candidates, int64 [B, K]; the
        turns to them, float64 [B, K], degrees, NaN if unknown. A row with fewer than K candidates repeats its last one,
        with NaN.
    """
    most = int(ranges.count[rows].max(initial=0))
    for block in _blocks(len(rows), most):
        own = rows[block]
        still = ranges.take(own)
        number = np.arange(most)
        tried = pick_partners(still, np.minimum(number, still.count[:, None] - 1))
        angle = turn_degrees(states, frames[positions[own]], frames[tried])
        angle[number >= still.count[:, None]] = np.nan
        yield own, tried, angle


def _one_of_the_nearest(
    tried: NDArray[np.int64], missed: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw one of the candidates [N, K] that are equally near to the window: int64 [N]."""
    if len(tried) == 0:
        return np.zeros(0, np.int64)
    near = missed <= missed.min(axis=1, keepdims=True) + _SAME_DEG
    chosen = rng.integers(0, near.sum(axis=1))
    place = (near.cumsum(axis=1) > chosen[:, None]).argmax(axis=1)
    return tried[np.arange(len(tried)), place]


def missed_degrees(angle: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """Degrees by which angles (degrees, any shape) miss the window; 0 inside, infinite if unknown."""
    missed = np.maximum(0.0, np.maximum(window.minimum - angle, angle - window.maximum))
    missed[np.isnan(missed)] = np.inf
    return missed


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    """Parts of `rows` rows, each with at most _AT_ONCE entries of `columns` columns."""
    size = max(1, _AT_ONCE // max(1, columns))
    return (slice(start, start + size) for start in range(0, rows, size))
