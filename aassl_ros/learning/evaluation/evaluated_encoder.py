"""Loads a checkpoint or a backbone for the evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aassl_ros.learning.augmentation.augmentation import Augmentation
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, load_checkpoint
from aassl_ros.learning.encoders.backbone import load_backbone
from aassl_ros.learning.encoders.factory import build_encoder
from aassl_ros.learning.encoders.pretrained import is_pretrained, pretrained_backbone
from aassl_ros.learning.evaluation.action import TrainedActions
from aassl_ros.learning.evaluation.evaluate import EvaluatedEncoder
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import resume_learner


def evaluated_encoder_at(path: Path) -> EvaluatedEncoder:
    """Load the encoder of a run, a checkpoint or a backbone file. Raises CheckpointError if it cannot be loaded."""
    if not path.is_file() and not is_pretrained(str(path)):
        return evaluated_encoder_of(load_checkpoint(path))
    backbone = pretrained_backbone(str(path)) if is_pretrained(str(path)) else load_backbone(path)
    return EvaluatedEncoder(
        method=backbone.method,
        seed=backbone.seed,
        encoder=backbone.encoder,
        normalise=backbone.plain,
        instances=backbone.instances,
        untrained=lambda: build_encoder(backbone.settings),
    )


def evaluated_encoder_of(checkpoint: Checkpoint) -> EvaluatedEncoder:
    """Make an EvaluatedEncoder of a checkpoint."""
    learner = checkpoint.settings
    return EvaluatedEncoder(
        method=checkpoint.method,
        seed=learner.seed,
        encoder=checkpoint.encoder,
        normalise=Augmentation(learner, checkpoint.image_size).plain,
        instances=checkpoint.instances,
        untrained=lambda: build_encoder(learner),
        trained=_trained_actions(checkpoint),
    )


def _trained_actions(checkpoint: Checkpoint) -> TrainedActions | None:
    """Return the actions that the method was trained on, None if it uses none."""
    spaces = checkpoint.action_spaces
    if not spaces:
        return None

    def learner(device: str) -> Learner:
        # Its heads are evaluated, not trained: compiling would take longer than it saves.
        settings = replace(checkpoint.settings, device=device, compile=False, precision="fp32")
        return resume_learner(checkpoint, settings)

    several = [TrainedActions(*each, learner, each.key) for each in spaces]
    return replace(several[0], others=tuple(several[1:]))
