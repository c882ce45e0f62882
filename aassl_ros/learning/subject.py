"""A checkpoint as the evaluation takes it."""

from __future__ import annotations

from aassl_ros.learning.augmentation import Augmentation
from aassl_ros.learning.checkpoint import Checkpoint
from aassl_ros.learning.encoders import build_encoder
from aassl_ros.learning.evaluation import Subject


def subject_of(checkpoint: Checkpoint) -> Subject:
    """A checkpoint's encoder, what it has seen, and how to make one like it with new weights."""
    learner = checkpoint.settings
    return Subject(
        method=checkpoint.method,
        seed=learner.seed,
        encoder=checkpoint.encoder,
        normalise=Augmentation(learner, checkpoint.image_size).plain,
        instances=checkpoint.instances,
        untrained=lambda: build_encoder(learner.encoder, learner.width, learner.stem),
    )
