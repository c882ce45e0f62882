"""Draws a partner t' for a frame t, out of the ranges of its partners (ranges.py)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.ranges import PartnerRanges, pick_partners
from aassl_ros.data.pairs.states import States
from aassl_ros.data.pairs.turned_partners import turned_partners
from aassl_ros.data.pairs.window import Window


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
