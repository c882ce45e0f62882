"""Checkpoints on disk: write, find, load, and take the encoder out of one."""

from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, Provenance, find_checkpoint, load_checkpoint
from aassl_ros.learning.checkpoints.to_backbone import backbone_of

__all__ = [
    "Checkpoint",
    "Provenance",
    "backbone_of",
    "find_checkpoint",
    "load_checkpoint",
]
