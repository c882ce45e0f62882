"""Whether a learner can be made of its settings on this machine."""

from __future__ import annotations

import torch

from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.settings import LearnerSettings


def check_learner(settings: LearnerSettings, action_dimension: int, categories: int) -> None:
    """Raise ValueError for a mistake of the caller, ConfigError for a mistake of the user."""
    method = METHODS[settings.method]
    if method.uses_actions and action_dimension < 1:
        raise ValueError(f"{settings.method} needs actions of at least one dimension, found {action_dimension}")
    if method.uses_labels and categories < 2:
        raise ValueError(f"{settings.method} needs two categories or more, found {categories}")
    if settings.image_size < 1:
        raise ValueError("image_size is 0: set it to that of the data before a learner is made")
    if settings.batch % settings.accumulate or settings.batch < 2 * settings.accumulate:
        raise ConfigError(
            f"accumulate = {settings.accumulate}, but a batch of {settings.batch} pairs cannot be divided into so many "
            "equal parts of two pairs or more. Choose another batch or accumulate."
        )


def check_precision(settings: LearnerSettings, device: torch.device, encoder: Encoder) -> None:
    """Raise ConfigError if torch would compute wrong gradients."""
    if (
        settings.precision == "bf16"
        and device.type == "cpu"
        and encoder.strides_over_single_pixels(settings.image_size)
    ):
        raise ConfigError(
            f"precision = 'bf16', but for images of {settings.image_size} px torch computes wrong gradients with it on "
            "a CPU (strided 3x3 convolutions on a single pixel). Use fp32, larger images or the stem small."
        )
