"""An eye: the encoder that recognition uses, from a checkpoint, a backbone file or published weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from torch import Tensor

from aassl_ros.learning.augmentation.augmentation import Augmentation
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, load_checkpoint
from aassl_ros.learning.encoders.backbone import Backbone, load_backbone
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.pretrained import is_pretrained, pretrained_backbone


@dataclass(frozen=True)
class Eye:
    """An encoder on the CPU, in evaluation mode, with what is needed to use it.

    image_size: side of its input in pixels. normalise: makes its input of images, uint8 [N, S, S, 3] RGB -> float
    [N, 3, S, S]. digest: identifies the weights. step: number of updates of its training, 0 for published weights.
    """

    encoder: Encoder
    image_size: int
    normalise: Callable[[Tensor], Tensor]
    digest: str
    step: int

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Eye:
        """The encoder of a checkpoint."""
        normalise = Augmentation(checkpoint.settings, checkpoint.image_size).plain
        return cls(checkpoint.encoder, checkpoint.image_size, normalise, checkpoint.digest, checkpoint.step)


def load_eye(source: str | Path) -> Eye:
    """Load an encoder for recognition.

    Args:
        source: a run or a checkpoint, the file of a backbone, or `pretrained` (`pretrained:ENCODER:SIZE`).

    Raises:
        CheckpointError: it is missing or damaged.
        ConfigError: the pretrained weights are not installed.
    """
    if is_pretrained(str(source)):
        return _frozen(pretrained_backbone(str(source)))
    path = Path(source).expanduser()
    return _frozen(load_backbone(path)) if path.is_file() else Eye.of(load_checkpoint(path))


def _frozen(backbone: Backbone) -> Eye:
    if backbone.checkpoint:
        digest = backbone.checkpoint
        return Eye(backbone.encoder, backbone.settings.image_size, backbone.plain, digest, backbone.step)
    computed = sha256()
    for name, weight in sorted(backbone.encoder.state_dict().items()):
        computed.update(name.encode())
        computed.update(weight.contiguous().numpy().tobytes())
    return Eye(backbone.encoder, backbone.settings.image_size, backbone.plain, computed.hexdigest(), 0)
