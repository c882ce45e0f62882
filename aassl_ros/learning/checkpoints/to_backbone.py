"""The encoder of a checkpoint as a backbone, which is independent of the run."""

from __future__ import annotations

from aassl_ros.learning.checkpoints.checkpoint import Checkpoint
from aassl_ros.learning.encoders.backbone import Backbone
from aassl_ros.learning.encoders.factory import EncoderSettings
from aassl_ros.settings import describe


def backbone_of(checkpoint: Checkpoint) -> Backbone:
    """Make a backbone of a checkpoint's encoder, or of its average over updates if the checkpoint has one.

    Args:
        checkpoint: it shares its encoder with the backbone.

    Returns:
        the backbone, which `save_backbone` writes to one file.
    """
    settings = checkpoint.settings
    parts = {info.name: getattr(settings, info.name) for info in describe(EncoderSettings)}
    return Backbone(
        encoder=checkpoint.encoder,
        settings=EncoderSettings(**parts),
        pixel_statistics=settings.pixel_statistics,
        method=checkpoint.method,
        seed=settings.seed,
        instances=checkpoint.instances,
        checkpoint=checkpoint.digest,
        step=checkpoint.step,
    )
