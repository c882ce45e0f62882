"""Puts camera frames on the fixed grid of times that LeRobot requires: row i of an episode is at i / fps.

A frame that was never captured must not move the frames after it. Its row repeats the last picture and is marked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# A frame may be this far from the time of its row, in periods: jitter and a rate slightly off then cost no frame, and
# a lost frame (one period) is always noticed.
_TOLERANCE = 0.75
# A camera faster than this many times the wanted rate is thinned: each row takes the nearest frame.
_FASTER = 4 / 3


@dataclass(frozen=True)
class Stretch:
    """Rows without a long gap, which become one LeRobot episode.

    frames: int64 [R], the frame of each row, as index into the stamps given. filled: bool [R], the row repeats the
    frame before it, because none was captured. times_ns: int64 [R], the time of each row.
    """

    frames: Ints
    filled: Flags
    times_ns: Ints

    def part(self, rows: slice) -> Stretch:
        """Some of the rows."""
        return Stretch(self.frames[rows], self.filled[rows], self.times_ns[rows])


def usual_rate(stamps_ns: Ints) -> float:
    """The rate of frames where none is missing, Hz; 0 if there are fewer than two."""
    if len(stamps_ns) < 2:
        return 0.0
    distances = np.diff(stamps_ns).astype(np.float64)
    middle = float(np.median(distances))
    usual = distances[np.abs(distances - middle) <= middle / 2]
    return 1e9 / (float(usual.mean()) if len(usual) else middle)


def place_frames(stamps_ns: Ints, fps: float, max_fill: int) -> list[Stretch]:
    """Place frames in rows.

    Args:
        stamps_ns: int64 [F], increasing, ns.
        fps: rows per second.
        max_fill: the longest gap that is filled by repeating a frame, rows. A longer gap ends the stretch.

    Returns:
        The stretches in order. A frame is in none of their rows if the camera is faster than fps.
    """
    if not len(stamps_ns):
        return []
    fast = usual_rate(stamps_ns) > _FASTER * fps
    chosen = _nearest_frames(stamps_ns, fps) if fast else np.arange(len(stamps_ns))
    # After thinning, the nearest frame of a row is less than half a period away.
    return _follow(stamps_ns, chosen, 1e9 / fps, max_fill)


def nearest(stamps_ns: Ints, times_ns: Ints) -> Ints:
    """The index of the stamp nearest to each time. Neither may be empty; both increase."""
    after = np.clip(np.searchsorted(stamps_ns, times_ns), 1, max(len(stamps_ns) - 1, 1))
    if len(stamps_ns) == 1:
        return np.zeros(len(times_ns), np.int64)
    before_is_nearer = times_ns - stamps_ns[after - 1] <= stamps_ns[after] - times_ns
    return (after - before_is_nearer).astype(np.int64)


def runs(usable: Flags) -> list[slice]:
    """The stretches of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], usable, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _nearest_frames(stamps_ns: Ints, fps: float) -> Ints:
    count = int((stamps_ns[-1] - stamps_ns[0]) * fps / 1e9) + 1
    grid = stamps_ns[0] + np.round(np.arange(count) * (1e9 / fps)).astype(np.int64)
    return np.unique(nearest(stamps_ns, grid))


def _follow(stamps_ns: Ints, chosen: Ints, period_ns: float, max_fill: int) -> list[Stretch]:
    found: list[Stretch] = []
    start_ns, rows, filled = int(stamps_ns[chosen[0]]), [int(chosen[0])], [False]

    def finish() -> None:
        times = start_ns + np.round(np.arange(len(rows)) * period_ns).astype(np.int64)
        found.append(Stretch(np.array(rows, np.int64), np.array(filled, np.bool_), times))

    for frame in map(int, chosen[1:]):
        place = (int(stamps_ns[frame]) - start_ns) / period_ns
        row = len(rows)
        if abs(place - row) > _TOLERANCE:
            row = round(place)
        missing = row - len(rows)
        if missing < 0:
            continue  # the camera is faster than the grid, and this frame has no row
        if missing > max_fill:
            finish()
            start_ns, rows, filled = int(stamps_ns[frame]), [frame], [False]
            continue
        rows += [rows[-1]] * missing + [frame]
        filled += [True] * missing + [False]
    finish()
    return found
