"""A backbone: an encoder without heads, in one safetensors file with its settings, preprocessing and provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from aassl_ros import __version__
from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.files import write_whole
from aassl_ros.learning.augmentation.augmentation import PIXEL_STATISTICS, Augmentation, AugmentationSettings
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.encoders.weights import PublishedWeights
from aassl_ros.settings import describe, from_mapping

FORMAT = 1
FROZEN = "frozen"
"""The method of an encoder whose weights came from elsewhere."""
_MARK = "aassl_backbone"


@dataclass(frozen=True)
class Backbone:
    """An encoder with what is needed to use it.

    encoder: on the CPU, in evaluation mode.
    settings: its architecture; image_size is the side of its images in pixels.
    pixel_statistics: a key of PIXEL_STATISTICS, by which its images are normalised.
    method, seed: of its training; method is FROZEN if the weights were published elsewhere.
    instances: every object it was trained on, sorted.
    checkpoint, step: digest of the checkpoint that it is of, and its number of updates; empty and 0 without one.
    """

    encoder: Encoder
    settings: EncoderSettings
    pixel_statistics: str
    method: str = FROZEN
    seed: int = 0
    instances: tuple[str, ...] = ()
    checkpoint: str = ""
    step: int = 0

    def plain(self, images: Tensor) -> Tensor:
        """Resize and normalise images for the encoder: uint8 [N, H, H, 3] RGB -> float [N, 3, S, S]."""
        settings = AugmentationSettings(pixel_statistics=self.pixel_statistics)
        return Augmentation(settings, self.settings.image_size).plain(images)

    def metadata(self) -> dict[str, str]:
        """Return everything but the weights, each value as JSON."""
        mean, std = PIXEL_STATISTICS[self.pixel_statistics]
        facts = {
            _MARK: FORMAT,
            **asdict(self.settings),
            "features": self.encoder.features,
            "pixel_statistics": self.pixel_statistics,
            "mean": mean,
            "std": std,
            "method": self.method,
            "seed": self.seed,
            "instances": self.instances,
            **({"checkpoint": self.checkpoint, "step": self.step} if self.checkpoint else {}),
            "aassl_ros": __version__,
        }
        return {name: json.dumps(value) for name, value in facts.items()}


def save_backbone(backbone: Backbone, path: Path) -> None:
    """Write a backbone to one safetensors file, atomically.

    Args:
        backbone: what to write. Its encoder may be on any device.
        path: the file, replaced if it exists.

    Raises:
        CheckpointError: it cannot be written.
    """
    write_export(path, backbone_file(backbone))


def backbone_file(backbone: Backbone) -> bytes:
    """The content of the file that `save_backbone` writes."""
    weights = {name: value.detach().cpu().contiguous() for name, value in backbone.encoder.published().items()}
    return safetensors.torch.save(weights, {"format": "pt", **backbone.metadata()})


def write_export(path: Path, content: bytes) -> None:
    """Write an exported encoder atomically. Raises CheckpointError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}. Choose another path.") from error


def is_backbone(path: Path) -> bool:
    """If `save_backbone` has written this file. Raises CheckpointError if it is not a safetensors file."""
    return _MARK in PublishedWeights.read(path).metadata


def load_backbone(path: str | Path) -> Backbone:
    """Read a backbone that `save_backbone` has written.

    Args:
        path: the safetensors file.

    Returns:
        the backbone, its encoder on the CPU and in evaluation mode.

    Raises:
        CheckpointError: the file is missing or damaged, or was written by another program.
    """
    file = PublishedWeights.read(Path(path))
    if _MARK not in file.metadata:
        raise CheckpointError(
            f"{path} is not a backbone: its encoder is unknown. Convert it: aassl export {path} --encoder NAME -o FILE."
        )
    try:
        facts = {name: json.loads(value) for name, value in file.metadata.items() if name != "format"}
        if facts[_MARK] != FORMAT:
            raise CheckpointError(f"{path} has the format {facts[_MARK]}, expected {FORMAT}. Update aassl_ros.")
        return _made(file, facts)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}. Export it again.") from error
    except ConfigError as error:  # such as timm that is not installed, or too little memory
        raise CheckpointError(f"{path} cannot be loaded: {error}") from error


def adopt_weights(path: Path, settings: EncoderSettings, pixel_statistics: str) -> tuple[Backbone, tuple[str, ...]]:
    """Make a backbone of weights published elsewhere.

    Returns the backbone, and the names of the classifier's weights, which are left out.
    Raises ConfigError or CheckpointError if the weights do not fit an encoder of these settings.
    """
    encoder = build_encoder(settings)
    check_image_size(encoder, settings)
    left_over = PublishedWeights.read(path).fill(encoder, describe_encoder(settings))
    return Backbone(encoder.eval(), settings, pixel_statistics), left_over


@dataclass(frozen=True)
class WarmStart:
    """The file that initialised an encoder.

    left_over: its weights that were not used; instances: the objects that its encoder was trained on.
    """

    path: Path
    left_over: tuple[str, ...]
    instances: tuple[str, ...]

    def __str__(self) -> str:
        left_over = f" (without {', '.join(self.left_over)})" if self.left_over else ""
        return f"starts from the weights of {self.path}{left_over}"


def warm_start(encoder: Encoder, file: PublishedWeights, settings: EncoderSettings, pixel_statistics: str) -> WarmStart:
    """Initialise an encoder from a backbone, or from weights published elsewhere.

    Raises CheckpointError if the weights do not fit, ConfigError if they expect other pixel statistics or larger
    images.
    """
    wanted = json.loads(file.metadata.get("pixel_statistics", json.dumps(pixel_statistics)))
    if wanted != pixel_statistics:
        raise ConfigError(
            f"weights = {file.path} were trained on pixels normalised by {wanted}, found pixel_statistics = "
            f"{pixel_statistics}. Set pixel_statistics={wanted}."
        )
    trained_at = int(json.loads(file.metadata.get("image_size", "0")))  # a backbone says it
    if not 0 < trained_at <= settings.image_size:
        check_image_size(encoder, settings)
    left_over = file.fill(encoder, describe_encoder(settings))
    return WarmStart(file.path, left_over, tuple(json.loads(file.metadata.get("instances", "[]"))))


def check_image_size(encoder: Encoder, settings: EncoderSettings) -> None:
    """Raise ConfigError if images are smaller than the stride of an encoder with published weights."""
    if 0 < settings.image_size < encoder.stride:
        raise ConfigError(
            f"image_size = {settings.image_size}, but {settings.encoder} needs images of {encoder.stride} px or more: "
            f"it shrinks them to 1/{encoder.stride}. Set image_size to {encoder.stride} or more, such as 64; stored "
            "frames may be smaller."
        )


def describe_encoder(settings: EncoderSettings) -> str:
    """Describe an encoder for messages, such as "resnet18 of width 32 and stem imagenet"."""
    if settings.encoder.startswith("resnet"):
        return f"{settings.encoder} of width {settings.width} and stem {settings.stem}"
    patches = f" and patches of {settings.patch} px" if settings.patch else ""
    return f"{settings.encoder} at {settings.image_size} px{patches}"


def _made(file: PublishedWeights, facts: Mapping[str, Any]) -> Backbone:
    parts = {info.name: facts[info.name] for info in describe(EncoderSettings)}
    settings = from_mapping(EncoderSettings, parts, source=str(file.path))
    if facts["pixel_statistics"] not in PIXEL_STATISTICS or settings.image_size < 1:
        raise ValueError(f"image_size {settings.image_size}, pixel_statistics {facts['pixel_statistics']!r}")
    with torch.random.fork_rng(devices=[]):
        encoder = build_encoder(settings)
    file.fill(encoder, describe_encoder(settings))
    return Backbone(
        encoder=encoder.eval(),
        settings=settings,
        pixel_statistics=facts["pixel_statistics"],
        method=str(facts["method"]),
        seed=int(facts["seed"]),
        instances=tuple(map(str, facts["instances"])),
        checkpoint=str(facts.get("checkpoint", "")),
        step=int(facts.get("step", 0)),
    )
