"""Whether frames have a partner within a window in degrees, and how far the nearest frame is turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.ranges import PartnerRanges
from aassl_ros.data.pairs.states import States
from aassl_ros.data.pairs.turned_partners import all_turns, missed_degrees
from aassl_ros.data.pairs.window import Window

_FRAMES, _TURNS = 2_000, 4_000_000
"""At most so many frames, and about so many turns, are looked at: a second. The rest is like them."""
_ROUNDING_DEG = 1e-3  # a turntable of 60 degrees misses a window of 60 degrees by less
_FEWEST = 64  # frames that are looked at, however long their episodes are


@dataclass(frozen=True)
class TurnReach:
    """How frames fit a window in degrees.

    Attributes:
        without: share of the frames that have no partner within the window, 0 to 1.
        used_deg: median turn, degrees, to the frame that is used for them instead, the nearest to the window; NaN if
            every frame has a partner.
        nearest_deg: median, over all frames, of the smallest turn to another frame of the episode, degrees.
    """

    without: float
    used_deg: float
    nearest_deg: float


def measure_reach(states: States, frames: NDArray[np.int64], ranges: PartnerRanges, window: Window) -> TurnReach:
    """Measure how frames fit a window. It draws nothing from the generators of a training.

    Args:
        states: the data.
        frames: int64 [N], frames of known turn.
        ranges: the other frames of the episode of each of them.
        window: the window, in degrees.

    Returns:
        The measures; exact for up to 2,000 frames in episodes of up to 2,000.
    """
    paired = np.flatnonzero(ranges.count > 0)
    count = int(np.clip(_TURNS // max(1.0, ranges.count[paired].mean()), _FEWEST, _FRAMES)) if len(paired) else 0
    if len(paired) > count:
        paired = np.sort(np.random.default_rng(0).choice(paired, count, replace=False))
    missed, used, nearest = np.zeros(len(paired)), np.zeros(len(paired)), np.zeros(len(paired))
    done = 0
    for own, _, angle in all_turns(states, frames, ranges, np.arange(len(frames)), paired):
        rows, place = np.arange(len(own)), slice(done, done + len(own))
        by = missed_degrees(angle, window)
        best = by.argmin(axis=1)
        missed[place], used[place] = by[rows, best], angle[rows, best]
        nearest[place] = np.where(np.isnan(angle), np.inf, angle).min(axis=1)
        done += len(own)
    without = missed > _ROUNDING_DEG
    known = nearest[np.isfinite(nearest)]
    return TurnReach(
        float(without.mean()) if len(without) else 0.0,
        float(np.nanmedian(used[without])) if np.isfinite(used[without]).any() else float("nan"),
        float(np.median(known)) if len(known) else float("nan"),
    )
