"""Category labels of frames, for the one method that learns from them: the supervised reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import DataError


@dataclass(frozen=True)
class Labels:
    """categories: those of some frames, sorted; of_episode: int64 [E], each episode's index into them, -1 for none."""

    categories: tuple[str, ...]
    of_episode: NDArray[np.int64]

    @classmethod
    def of(cls, data: PreparedData, frames: NDArray[np.int64]) -> Labels:
        """The labels of `frames`. Raises DataError where they have none, or all the same."""
        shown = [data.episodes[index] for index in np.unique(data.episode_of[frames])]
        categories = tuple(sorted({row.category for row in shown if row.category}))
        if len(categories) < 2:
            found = f"only {categories[0]}" if categories else "no category"
            raise DataError(
                f"labels absent: {data.path} names {found} in the frames to learn from, expected two categories "
                "or more. Label its episodes (episode start --category), or take a method that needs no labels."
            )
        number = {category: index for index, category in enumerate(categories)}
        return cls(categories, np.array([number.get(row.category, -1) for row in data.episodes], np.int64))

    def __call__(self, data: PreparedData, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 [N]: the category of each frame, -1 where its episode has none."""
        return self.of_episode[data.episode_of[frames]]
