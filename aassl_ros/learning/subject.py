"""A checkpoint as the evaluation takes it."""

from __future__ import annotations

from dataclasses import replace

from aassl_ros.learning.augmentation import Augmentation
from aassl_ros.learning.checkpoint import Checkpoint
from aassl_ros.learning.encoders import build_encoder
from aassl_ros.learning.evaluation import Subject
from aassl_ros.learning.evaluation_action import Taught
from aassl_ros.learning.update import Learner


def subject_of(checkpoint: Checkpoint) -> Subject:
    """A checkpoint's encoder, what it has seen, and how to make one like it with new weights."""
    learner = checkpoint.settings
    return Subject(
        method=checkpoint.method,
        seed=learner.seed,
        encoder=checkpoint.encoder,
        normalise=Augmentation(learner, checkpoint.image_size).plain,
        instances=checkpoint.instances,
        untrained=lambda: build_encoder(learner),
        taught=_taught(checkpoint),
    )


def _taught(checkpoint: Checkpoint) -> Taught | None:
    """The actions that the method was taught, None where it looks at none."""
    if checkpoint.action_space is None or checkpoint.normalisation is None:
        return None

    def learner(device: str) -> Learner:
        return Learner.from_checkpoint(checkpoint, replace(checkpoint.settings, device=device))

    return Taught(checkpoint.action_space, checkpoint.normalisation, learner)
