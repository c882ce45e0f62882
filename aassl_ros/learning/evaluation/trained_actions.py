"""The actions that a method was trained on, and the heads that embed them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import nn

from aassl_ros.data.pairs.actions import PREFERRED, ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import DataError
from aassl_ros.learning.objectives.space_heads import SpaceHeads

if TYPE_CHECKING:
    from aassl_ros.learning.training.learner import Learner


@dataclass(frozen=True)
class TrainedActions:
    """An action space that a method was trained on.

    learner: rebuilds the learner with its heads, on the named device. head: the key of the space if there are several.
    others: the further spaces.
    """

    space: ActionSpace
    normalisation: Normalisation
    learner: Callable[[str], Learner]
    head: str = ""
    others: tuple[TrainedActions, ...] = ()

    def for_frames(self, data: PreparedData, frames: NDArray[np.int64]) -> TrainedActions:
        """The space, this or another, that most of `frames` (int64) have; of equal ones the one that `auto` prefers."""
        if not self.others:
            return self
        in_order = sorted((self, *self.others), key=lambda each: _place(each.space.name))
        return max(in_order, key=lambda each: each._share(data, frames))

    def term(self, learner: Learner) -> nn.Module | None:
        """The learner's action term for this space; None if its method has none."""
        found = dict(learner.objective.items()).get("action")
        return found.heads[self.head] if isinstance(found, SpaceHeads) else found

    def _share(self, data: PreparedData, frames: NDArray[np.int64]) -> float:
        try:
            return float(self.space.usable(data)[frames].mean())
        except DataError:  # they lack a joint
            return 0.0


def _place(name: str) -> int:
    return PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)
