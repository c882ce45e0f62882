"""Encoders by name: ResNets, vision transformers, and those of timm where it is installed."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.resnet import RESNETS, STEMS, ResNet
from aassl_ros.learning.encoders.timm import PREFIX, TimmEncoder
from aassl_ros.learning.encoders.vit import PATCHES, VITS, VisionTransformer
from aassl_ros.settings import setting

ENCODERS = (*RESNETS, *VITS)


@dataclass(frozen=True)
class EncoderSettings:
    """All that an encoder is made of; the published ResNets are 64 wide with the stem imagenet."""

    encoder: str = setting("resnet18", f"Architecture of the encoder: {', '.join(ENCODERS)}, or {PREFIX}NAME of timm.")
    width: int = setting(
        32, "Channels of a ResNet's first stage; the published networks have 64.", minimum=4, maximum=512
    )
    stem: str = setting("imagenet", "First layers of a ResNet: 7x7 and pooling, or 3x3 for small pictures.",
                        choices=STEMS)  # fmt: skip
    patch: int = setting(0, "Side in pixels of a vision transformer's patches; 0: the largest of 4, 8 and 16 with at "
                         "least 8 along the picture.", choices=(0, *PATCHES))  # fmt: skip
    frozen_patches: bool = setting(False, "Keep a vision transformer's first layer as drawn, as MoCo v3 does.")
    image_size: int = setting(
        0, "Side of training images in pixels; 0 takes that of the data.", minimum=0, maximum=1024
    )


def build_encoder(settings: EncoderSettings) -> Encoder:
    """A freshly initialised encoder, its weights in channels-last order (quicker on CPU and GPU; values are the same).

    image_size matters to vision transformers alone. Random numbers come from torch's default generator. Raises
    ConfigError.
    """
    encoder = _build(settings)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack this one
    return encoder


def _build(settings: EncoderSettings) -> Encoder:
    name, size = settings.encoder, settings.image_size
    if name in RESNETS:
        return ResNet(name, settings.width, settings.stem)
    if name in VITS:
        return VisionTransformer(name, size, settings.patch, frozen_patches=settings.frozen_patches)
    if name.startswith(PREFIX):
        return TimmEncoder(name.removeprefix(PREFIX), size)
    raise ConfigError(f"encoder = {name!r} is unknown, expected one of {', '.join(ENCODERS)}, or {PREFIX}NAME of timm.")
