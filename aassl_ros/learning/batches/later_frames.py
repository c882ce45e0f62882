"""The frames after a pair (x, x'), for methods that take sequences: each is a partner of the frame before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.sampler import PairSampler

LATER = 4
"""Number of the random stream of later frames (see ablations.stream)."""


@dataclass(frozen=True)
class LaterFrames:
    """K frames after each of N pairs.

    images: uint8 [K, N, S, S, 3] RGB. actions: float32 [K, N, A], normalised, each from the frame before to this one.
    """

    images: NDArray[np.uint8]
    actions: NDArray[np.float32]


def draw_later(
    sampler: PairSampler,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Continue pairs to sequences.

    Args:
        sampler: draws partners within the window and the episode.
        first, second: int64 [N], the frames of each pair.
        count: number of further frames, K.
        rng: the random generator.

    Returns:
        K steps (from, to), int64 [N] each. If a frame has no partner, for example the last of an episode with the
        window `next`, the sequence goes back to the frame before.
    """
    steps, before, now = [], first, second
    for _ in range(count):
        after = before.copy()
        paired = np.isin(now, sampler.anchors)
        if paired.any():
            after[paired] = sampler.partners(now[paired], rng)
        steps.append((now, after))
        before, now = now, after
    return steps
