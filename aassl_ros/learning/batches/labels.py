"""Category labels of frames, for methods that are trained with labels: the supervised reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import DataError


@dataclass(frozen=True)
class Labels:
    """The categories of a set of frames.

    categories: their names, sorted; of_episode: int64 [E], index into them for each episode, -1 if it has none.
    """

    categories: tuple[str, ...]
    of_episode: NDArray[np.int64]

    @classmethod
    def of(cls, data: PreparedData, frames: NDArray[np.int64]) -> Labels:
        """Read the labels of `frames`, int64 [N]. Raises DataError if they have fewer than two categories."""
        shown = [data.episodes[index] for index in np.unique(data.episode_of[frames])]
        categories = tuple(sorted({row.category for row in shown if row.category}))
        if len(categories) < 2:
            found = f"only {categories[0]}" if categories else "no category"
            raise DataError(
                f"labels are missing: {data.path} has {found} in the training frames, expected two categories or more. "
                "Label its episodes (episode start --category), or choose a method that needs no labels."
            )
        number = {category: index for index, category in enumerate(categories)}
        return cls(categories, np.array([number.get(row.category, -1) for row in data.episodes], np.int64))

    def __call__(self, data: PreparedData, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the category of each frame, int64 [N], -1 if its episode has none."""
        return self.of_episode[data.episode_of[frames]]
