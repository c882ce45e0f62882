"""The order in which an epoch takes the frames: at random, or so that a batch has each episode only once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distinct_order(episodes: NDArray[np.int64], rng: np.random.Generator, batch_size: int) -> NDArray[np.int64]:
    """Order frames so that, as far as possible, those of one batch are of different episodes.

    Frames are dealt in rounds: each round takes one random frame of each episode that has frames left, in random order.
    Where a batch begins in one round and ends in the next, the next round begins with episodes that the batch lacks. A
    batch repeats an episode only if fewer episodes than its size have frames left.

    Args:
        episodes: int64 [F], the episode of each frame.
        rng: the random generator.
        batch_size: number of frames in a batch.

    Returns:
        int64 [F], the positions 0 to F - 1 in the order to take them.
    """
    mixed = rng.permutation(len(episodes))
    mixed = mixed[np.argsort(episodes[mixed], kind="stable")]
    counts = np.unique(episodes, return_counts=True)[1]
    round_of = np.concatenate([np.arange(count) for count in counts]) if len(counts) else np.zeros(0, np.int64)
    order: list[NDArray[np.int64]] = []
    begun: NDArray[np.int64] = np.zeros(0, np.int64)  # the frames of the batch that the rounds so far did not fill
    for number in range(int(counts.max(initial=0))):
        dealt = rng.permutation(mixed[round_of == number])
        repeated = np.isin(episodes[dealt], episodes[begun])
        dealt = np.concatenate([dealt[~repeated], dealt[repeated]])
        order.append(dealt)
        begun = np.concatenate([begun, dealt])
        begun = begun[len(begun) - len(begun) % batch_size :]
    return np.concatenate(order) if order else mixed
