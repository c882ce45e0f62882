"""Encoders by name: ResNets, vision transformers, and those of timm if it is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch

from aassl_ros.errors import ConfigError, first_line
from aassl_ros.learning.compute.free_memory import free_memory
from aassl_ros.learning.encoders.efficientnet_lite import EFFICIENTNETS, EfficientNetLite
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.resnet import RESNETS, STEMS, ResNet
from aassl_ros.learning.encoders.timm import PREFIX, TimmEncoder
from aassl_ros.learning.encoders.vit import PATCHES, VITS, VisionTransformer
from aassl_ros.registry import Registry
from aassl_ros.settings import setting


@dataclass(frozen=True)
class EncoderSettings:
    """The architecture of an encoder. The published ResNets have the width 64 and the stem imagenet."""

    encoder: str = setting(
        "resnet18",
        f"Architecture of the encoder: {', '.join((*RESNETS, *VITS, *EFFICIENTNETS))}, or {PREFIX}NAME of timm.",
    )
    width: int = setting(
        32, "Channels of a ResNet's first stage; the published networks have 64.", minimum=4, maximum=512
    )
    stem: str = setting("imagenet", "First layers of a ResNet: 7x7 and pooling, or 3x3 for small pictures.",
                        choices=STEMS)  # fmt: skip
    patch: int = setting(0, "Side in pixels of a vision transformer's patches; 0: the largest of 4, 8 and 16 that "
                         "puts at least 8 along the picture.", choices=(0, *PATCHES))  # fmt: skip
    frozen_patches: bool = setting(False, "Do not train a vision transformer's first layer, as in MoCo v3.")
    image_size: int = setting(0, "Side of training images in pixels; 0: that of the data.", minimum=0, maximum=1024)


_PUBLISHED_WIDTH = 64

EncoderBuilder: TypeAlias = Callable[[EncoderSettings], Encoder]
"""A function that builds a new encoder of these settings, with random numbers from torch's default generator."""

ENCODERS: Registry[EncoderBuilder] = Registry("encoder", "aassl_ros.encoders")
"""All encoders by name, except those of timm (`timm:NAME`)."""


def register_encoder(name: str, builder: EncoderBuilder) -> EncoderBuilder:
    """Register an encoder under a name, for `aassl train --encoder NAME`, the trainer node, studies and the export.

    Another package can do the same without a call: it declares an entry point of the group `aassl_ros.encoders` whose
    object is the builder.

    Args:
        name: what users type.
        builder: makes a new encoder of the settings; random numbers come from torch's default generator.

    Returns:
        the builder.

    Raises:
        ConfigError: the name is taken.
    """
    return ENCODERS.register(name, builder)


def build_encoder(settings: EncoderSettings) -> Encoder:
    """Build a newly initialised encoder. Random numbers come from torch's default generator.

    Weights are in channels-last order, which is faster; their values do not depend on it.

    Args:
        settings: the architecture. image_size matters only to vision transformers.

    Returns:
        the encoder, on the CPU, in training mode.

    Raises:
        ConfigError: the encoder is unknown, its settings do not fit each other, or it needs more memory than there is.
    """
    _check_memory(settings)
    try:
        encoder = _build(settings)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise ConfigError(
            f"encoder {settings.encoder} needs more memory than this machine has ({first_line(error)}). Choose a "
            "smaller one."
        ) from error
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack this one
    return encoder


def _check_memory(settings: EncoderSettings) -> None:
    """Raise ConfigError if an encoder is larger than the free memory: Linux would kill the program with no message.

    Only a wide ResNet can be so large. It is built on the device `meta`, where tensors have shapes and no content.
    """
    free = free_memory()
    if free is None or settings.encoder not in RESNETS or settings.width <= _PUBLISHED_WIDTH:
        return
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        needed = sum(weight.nbytes for weight in _build(settings).state_dict().values())
    if needed > free:
        raise ConfigError(
            f"encoder {settings.encoder} needs {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB of memory are free. "
            "Choose a smaller one."
        )


def _build(settings: EncoderSettings) -> Encoder:
    name = settings.encoder
    if name in ENCODERS:
        return ENCODERS[name](settings)
    if name.startswith(PREFIX):
        return TimmEncoder(name.removeprefix(PREFIX), settings.image_size)
    raise ConfigError(f"encoder = {name!r} is unknown, expected one of {', '.join(ENCODERS)}, or {PREFIX}NAME of timm.")


def _resnet(settings: EncoderSettings) -> Encoder:
    return ResNet(settings.encoder, settings.width, settings.stem)


def _vit(settings: EncoderSettings) -> Encoder:
    frozen_patches = settings.frozen_patches
    return VisionTransformer(settings.encoder, settings.image_size, settings.patch, frozen_patches=frozen_patches)


def _efficientnet(settings: EncoderSettings) -> Encoder:
    return EfficientNetLite(settings.encoder)


for _name in RESNETS:
    register_encoder(_name, _resnet)
for _name in VITS:
    register_encoder(_name, _vit)
for _name in EFFICIENTNETS:
    register_encoder(_name, _efficientnet)
