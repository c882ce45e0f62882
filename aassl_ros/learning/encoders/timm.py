"""The encoders of timm, if it is installed: `timm:NAME`. Its weights come from a file, or timm downloads them.

timm needs torchvision, which requires one exact version of torch. Therefore neither is among our dependencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from aassl_ros.errors import ConfigError, first_line
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.vit import resized_positions

PREFIX = "timm:"


class TimmEncoder(Encoder):
    """A model of timm without its classifier. Published weights have timm's names."""

    classifiers = ("fc.", "head.", "classifier.")

    def __init__(self, name: str, image_size: int) -> None:
        """name: without the prefix; image_size: side in pixels.

        Raises ConfigError if timm is missing, does not know the name, or its model does not return features.
        """
        super().__init__()
        timm = _import_timm(name)
        try:
            self.model = _create(timm, name, image_size)
            with torch.no_grad():
                found = self.model.eval()(torch.zeros(1, 3, image_size, image_size))
        except Exception as error:  # each model raises its own
            raise ConfigError(
                f"timm cannot build the encoder {name!r} for {image_size} px ({first_line(error)}). "
                "Choose another one of timm.list_models()."
            ) from error
        if found.ndim != 2:
            raise ConfigError(f"timm's {name} returns features of shape {tuple(found.shape)}, expected (1, D).")
        self.features = found.shape[1]
        self.transformer = is_transformer(self.model)
        self.stride = _stride(self.model)
        self.train()

    def forward(self, images: Tensor) -> Tensor:
        features = self.model(images)
        return features.to(torch.promote_types(features.dtype, torch.float32))

    def published(self) -> dict[str, Tensor]:
        return dict(self.model.state_dict())

    def layers(self) -> list[list[nn.Module]]:
        """The model's parts in order; a sequence of blocks or stages counts as as many layers."""
        found: list[nn.Module] = []
        for part in self.model.children():
            found += part.children() if isinstance(part, nn.Sequential | nn.ModuleList) else [part]
        return [[layer] for layer in found if next(layer.parameters(), None) is not None]

    def from_published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Name them as here. Positions for another number of patches are interpolated, if one class token is before."""
        adapted = dict(weights)
        positions, own = adapted.get("pos_embed"), getattr(self.model, "pos_embed", None)
        if isinstance(positions, Tensor) and isinstance(own, Tensor) and positions.ndim == own.ndim == 3:
            adapted["pos_embed"] = resized_positions(positions, own.shape[1])
        return {f"model.{name}": value for name, value in adapted.items()}


def _create(timm: Any, name: str, image_size: int, *, pretrained: bool = False) -> Any:
    if not timm.is_model(name):  # otherwise timm would look some names up on the web
        raise ValueError("unknown name")
    if not image_size:
        return timm.create_model(name, pretrained=pretrained, num_classes=0)
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, img_size=image_size)
    except TypeError:  # convolutional networks take any size
        return timm.create_model(name, pretrained=pretrained, num_classes=0)


def timm_weights(name: str, image_size: int) -> tuple[dict[str, Tensor], tuple[float, ...], tuple[float, ...]]:
    """Load the pretrained weights of a model of timm, which timm downloads or has downloaded before.

    Args:
        name: without the prefix.
        image_size: side of the model's input in pixels, to which timm fits the weights of a transformer; 0: its own.

    Returns:
        The weights without the classifier, and mean and deviation of the pixels that the model expects, three each.

    Raises:
        ConfigError: timm is missing, or it has no weights of that name, or cannot download them.
    """
    timm = _import_timm(name)
    try:
        model = _create(timm, name, image_size, pretrained=True)
    except Exception as error:  # each model and each network raises its own
        raise ConfigError(
            f"timm has no pretrained weights of {name!r} here ({first_line(error)}). Check the name and the "
            "network, or give weights as a safetensors file."
        ) from error
    return dict(model.state_dict()), tuple(model.pretrained_cfg["mean"]), tuple(model.pretrained_cfg["std"])


def _import_timm(name: str) -> Any:
    """The package. Raises ConfigError if it cannot be loaded."""
    try:
        return import_module("timm")
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision built for another torch
        raise ConfigError(
            f"encoder {PREFIX}{name} needs timm, which cannot be loaded ({first_line(error)}). Install it "
            "(pip install timm) with the torchvision built for your torch, or use an encoder of aassl_ros."
        ) from error


def _stride(model: Any) -> int:
    """Pixels of the image for each of the last map's; 1 if the model does not say."""
    maps = getattr(model, "feature_info", None)
    return int(maps[-1]["reduction"]) if isinstance(maps, list) and maps else 1


def is_transformer(model: nn.Module) -> bool:
    """If a model has attention and no batch norm, as the vision transformers of timm do.

    timm has no base class of attention, but all their names say it: Attention, WindowAttention, ClassAttn, and so on.
    """
    modules = list(model.modules())
    attends = any(word in type(module).__name__ for module in modules for word in ("Attention", "Attn"))
    return attends and not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in modules)
