"""Statistics of features as LeRobot stores them: min, max, mean, std, count and quantiles, per episode and over all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
Stats = dict[str, NDArray[Any]]

# As in lerobot: about this many pictures of an episode are looked at, reduced to about this many pixels.
_PICTURES = 100
_SIDE = 150


def of_vectors(values: NDArray[Any]) -> Stats:
    """Statistics of each column of [N, D]."""
    table = np.asarray(values, np.float64)
    return {
        "min": table.min(axis=0),
        "max": table.max(axis=0),
        "mean": table.mean(axis=0),
        "std": table.std(axis=0),
        "count": np.array([len(table)]),
        **{name: np.quantile(table, share, axis=0) for name, share in QUANTILES.items()},
    }


class PictureStats:
    """Statistics of the channels of pictures, in [0, 1], from a histogram of some of them."""

    def __init__(self, rows: int) -> None:
        """rows: the number of pictures in the episode."""
        self._every = max(1, rows // _PICTURES)
        self._counts = np.zeros((3, 256), np.int64)
        self._pictures = 0

    def add(self, row: int, picture: NDArray[np.uint8]) -> None:
        """Take the picture of a row, uint8 [H, W, 3]; most are not looked at."""
        if row % self._every:
            return
        step = max(1, min(picture.shape[:2]) // _SIDE)
        small = picture[::step, ::step].reshape(-1, 3)
        for channel in range(3):
            self._counts[channel] += np.bincount(small[:, channel], minlength=256)
        self._pictures += 1

    def stats(self) -> Stats:
        """The statistics, each of shape [3, 1, 1]; count [1] is the number of pictures."""
        levels = np.arange(256) / 255.0
        total = np.maximum(self._counts.sum(axis=1), 1)
        mean = self._counts @ levels / total
        spread = self._counts @ levels**2 / total - mean**2
        share = np.cumsum(self._counts, axis=1) / total[:, None]
        found = {
            "min": levels[(self._counts > 0).argmax(axis=1)],
            "max": levels[255 - (self._counts[:, ::-1] > 0).argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(spread, 0.0)),
            **{name: levels[(share >= wanted).argmax(axis=1)] for name, wanted in QUANTILES.items()},
        }
        shaped: Stats = {name: value.reshape(3, 1, 1) for name, value in found.items()}
        return {**shaped, "count": np.array([self._pictures])}


def over_all(episodes: Sequence[Stats]) -> Stats:
    """Statistics of a feature over all episodes. Quantiles are means over the episodes, as in lerobot."""
    counts = np.array([float(stats["count"][0]) for stats in episodes])
    weights = counts / max(counts.sum(), 1.0)

    def mean_of(name: str) -> NDArray[np.float64]:
        return np.asarray(np.tensordot(weights, np.stack([stats[name] for stats in episodes]), axes=1))

    mean = mean_of("mean")
    squares = np.stack([stats["std"] ** 2 + (stats["mean"] - mean) ** 2 for stats in episodes])
    return {
        "min": np.min([stats["min"] for stats in episodes], axis=0),
        "max": np.max([stats["max"] for stats in episodes], axis=0),
        "mean": mean,
        "std": np.sqrt(np.tensordot(weights, squares, axes=1)),
        "count": np.array([int(counts.sum())]),
        **{name: mean_of(name) for name in QUANTILES},
    }
