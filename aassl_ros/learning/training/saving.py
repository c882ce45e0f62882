"""From a learner to a checkpoint and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, Content, Provenance, write_checkpoint
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.optimization.optimizers import Schedule
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner


def save_checkpoint(
    run: Path, learner: Learner, provenance: Provenance, *, trainer: Mapping[str, Any] | None = None, keep: int = 3
) -> Path:
    """Write RUN/checkpoints/STEP, point RUN/checkpoint to it and remove all but the newest `keep`.

    provenance: what the learner was trained on; the instances that its first weights had seen are added. trainer:
    JSON-able values that the calling loop needs to go on. Returns the new folder. Raises as `write_checkpoint`.
    """
    content = Content(
        settings=learner.settings,
        provenance=replace(provenance, instances=tuple(sorted({*provenance.instances, *learner.seen}))),
        action_dimension=learner.action_dimension,
        categories=learner.categories,
        step=learner.steps,
        weights=learner.weights(),
        state=learner.state(),
        trainer=trainer or {},
    )
    return write_checkpoint(run, content, keep=keep)


def resume_learner(
    checkpoint: Checkpoint, settings: LearnerSettings | None = None, schedule: Schedule | None = None
) -> Learner:
    """A learner that goes on from a checkpoint, with its own settings or others of the same architecture and method.

    schedule: of the learning rate over the whole run, constant unless given.

    Raises CheckpointError if the weights or the optimizer's state do not fit.
    """
    settings = settings or checkpoint.settings
    same_action = SameAction.of(settings.same_action, checkpoint.action_space, checkpoint.normalisation)
    # The weights are the checkpoint's: the file that they began with may be gone by now.
    start = replace(settings, weights="")
    learner = Learner(start, checkpoint.action_dimension, same_action, checkpoint.categories, schedule)
    learner.restore(checkpoint, settings)
    return learner
