"""Measures of the features themselves: their effective rank and their consistency in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.measures.consistency import Consistency, consistency
from aassl_ros.learning.measures.rankme import rankme
from aassl_ros.learning.readout.spacing import evenly_spaced

_RANKED = 8192
"""Maximum number of train features for RankMe: more cost time and hardly change it."""
_NEIGHBOURS = 2048


@dataclass(frozen=True)
class StructureMeasures:
    """rankme: of train features of `dimension` entries; consistency: None if no test frame has a following frame."""

    rankme: float
    dimension: int
    consistency: Consistency | None

    def to_json(self) -> dict[str, Any]:
        """Return their part of the evaluation's JSON."""
        values: dict[str, Any] = {"rankme": self.rankme, "dimension": self.dimension}
        if self.consistency is not None:
            found = self.consistency
            values["consistency"] = {"neighbours": found.neighbours, "random_pairs": found.random_pairs}
        return {"structure": values}


def frames_with_follower(data: PreparedData, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Select those of `frames`, int64, that another frame of their episode follows; evenly spread, at most 2048."""
    last = np.array([row.stop - 1 for row in data.episodes], np.int64)
    followed = frames[frames < last[data.episode_of[frames]]]
    return followed[evenly_spaced(len(followed), _NEIGHBOURS)]


def measure_structure(train: Tensor, neighbours: tuple[Tensor, Tensor] | None, seed: int) -> StructureMeasures:
    """Measure RankMe and consistency.

    train: features of the train frames, float [N, D]; neighbours: features of test frames, and of the frames after
    them, None if there are none.
    """
    rows = torch.from_numpy(evenly_spaced(len(train), _RANKED)).to(train.device)
    steady = None
    if neighbours is not None:
        steady = consistency(*neighbours, train.mean(dim=0), torch.Generator().manual_seed(seed))
    return StructureMeasures(rankme(train[rows]), train.shape[1], steady)
