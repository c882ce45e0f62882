"""Save a learner as a checkpoint, and make a learner of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aassl_ros.data.pairs.scaled_space import ScaledSpace
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, Content, Provenance, write_checkpoint
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.objectives.space_heads import SpaceHead
from aassl_ros.learning.optimization.optimizers import Schedule
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.new_heads import with_new_heads


def save_checkpoint(
    run: Path, learner: Learner, provenance: Provenance, *, trainer: Mapping[str, Any] | None = None, keep: int = 3
) -> Path:
    """Write RUN/checkpoints/STEP, point RUN/checkpoint to it and remove all but the newest `keep`.

    Args:
        run: the folder RUN, made if it is missing.
        learner: what is saved, with the state of its optimizer.
        provenance: what it was trained on; the instances of its initial weights are added.
        trainer: what the training loop needs to resume, as JSON values.
        keep: how many checkpoints stay.

    Returns:
        the new folder.

    Raises:
        CheckpointError: it cannot be written.
        TrainingError: a weight is not finite.
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
    checkpoint: Checkpoint,
    settings: LearnerSettings | None = None,
    schedule: Schedule | None = None,
    spaces: Sequence[ScaledSpace] = (),
) -> Learner:
    """Make a learner that resumes from a checkpoint.

    Args:
        checkpoint: the one to resume from.
        settings: others of the same architecture and method; None: the checkpoint's.
        schedule: of the learning rate over the whole run; None: constant.
        spaces: the action spaces to continue with: those of the checkpoint, then new ones; empty: the checkpoint's.

    Returns:
        the learner, with its weights, optimizer, random state and number of updates.

    Raises:
        CheckpointError: the weights or the optimizer's state do not fit.
    """
    settings = settings or checkpoint.settings
    spaces = spaces or checkpoint.action_spaces
    added = len(spaces) > len(checkpoint.action_spaces)
    same_action = SameAction.of(settings.same_action, checkpoint.action_space, checkpoint.normalisation)
    # The weights come from the checkpoint: the file of the initial weights may no longer exist.
    start = replace(settings, weights="")
    sizes = sum(each.size for each in spaces) if added else checkpoint.action_dimension, same_action
    heads = SpaceHead.several(spaces, settings)
    learner = Learner(start, *sizes, checkpoint.categories, schedule, heads)
    if added:
        extended, state = with_new_heads(checkpoint, learner)
        learner.restore(extended, settings, state)
    else:
        learner.restore(checkpoint, settings)
    return learner
