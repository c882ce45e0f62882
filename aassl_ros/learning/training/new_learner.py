"""Make the learner of a new run from its settings and from what its batches hold."""

from __future__ import annotations

from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.objectives.space_heads import SpaceHead
from aassl_ros.learning.optimization.optimizers import Schedule
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.settings import TrainSettings


def new_learner(settings: TrainSettings, batches: PairBatches, schedule: Schedule | None = None) -> Learner:
    """Make a learner with the action heads and categories that the batches need.

    Args:
        settings: of the run.
        batches: what it trains on.
        schedule: of the learning rate over the whole run; None: constant.

    Raises:
        ConfigError: the settings contradict each other.
    """
    same = SameAction.of(settings.same_action, batches.space, batches.normalisation)
    heads = SpaceHead.several(batches.spaces, settings)
    return Learner(settings, batches.action_dimension, same, batches.categories, schedule, heads)
