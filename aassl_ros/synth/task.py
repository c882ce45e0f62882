"""One unit of drawing: an object, the episodes of it to draw, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.catalogue import instance_id

# Test objects are numbered from here, so that they do not change with the number of training objects.
FIRST_TEST_INDEX = 5000
# Size of the frames of one task: large enough to keep a process busy, small enough for memory.
_TASK_BYTES = 1 << 25


@dataclass(frozen=True)
class Task:
    """One unit of work: an object, and which of its episodes to draw (first <= episode < first + count).

    views: frames of an episode. has_views: whether the canonical views are drawn too. is_other: whether the frames
    belong to the second set, of other categories.
    """

    category: str
    index: int
    set: str
    first: int
    count: int
    views: int
    has_views: bool = False
    is_other: bool = False

    @property
    def instance(self) -> str:
        return instance_id(self.category, self.index)

    @property
    def frames(self) -> int:
        """The number of frames, without the canonical views."""
        return self.count * self.views


@dataclass(frozen=True)
class Drawn:
    """The frames of one task.

    frames: uint8 [E, F, S, S, 3]. poses: float64 [E, F, 7], of the object in the camera's optical frame, m.
    views: uint8 [V, S, S, 3]; V is 0 if the task draws no views.
    """

    frames: NDArray[np.uint8]
    poses: NDArray[np.float64]
    views: NDArray[np.uint8]


def split_episodes(episodes: int, views: int, image_size: int) -> list[tuple[int, int]]:
    """First episode and number of episodes of each task of an object."""
    at_once = max(1, _TASK_BYTES // (views * image_size**2 * 3))
    return [(first, min(at_once, episodes - first)) for first in range(0, episodes, at_once)]
