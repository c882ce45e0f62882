"""How deep a machine can train an encoder while a robot works: measured before the first update.

The last layers are trained, and those below are frozen: they are computed, but get no gradients. The deeper the
training, the longer an update takes: on a small CPU several times as long as on the last layers alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder

AUTO, ALL = "auto", "all"
_IMAGES = 8  # of a measurement; an update's time is taken to be proportional to its images
_REPEATS = 2  # the shortest time counts: other programs can only make it longer
_DEPTHS = (1.0, 0.75, 0.5, 0.3, 0.15)  # shares of the layers that are tried, from the deepest on


@dataclass(frozen=True)
class Depth:
    """How many layers of an encoder are frozen.

    frozen, layers: number of frozen and of all layers. step_s: measured seconds of an update; None if not measured.
    longest_s: seconds that an update should take at most; 0: any time.
    """

    frozen: int
    layers: int
    step_s: float | None = None
    longest_s: float = 0.0

    def __str__(self) -> str:
        trained = self.layers - self.frozen
        which = f"all {self.layers} layers" if trained == self.layers else f"the last {trained} of {self.layers} layers"
        measured = "" if self.step_s is None else f" (an update takes about {self.step_s:.2g} s here)"
        advice = ""
        if self.step_s is not None and 0 < self.longest_s < self.step_s:
            advice = f". This is more than step_seconds = {self.longest_s:g}: a smaller batch or image_size is faster"
        return f"training {which} of the encoder{measured}{advice}"


def check_trainable(trainable: str) -> None:
    """Raise ConfigError if the setting `trainable` is neither auto, all, nor a number of layers."""
    if trainable not in (AUTO, ALL) and not trainable.isdecimal():
        raise ConfigError(f"trainable = {trainable!r}, expected {AUTO}, {ALL}, or a number of layers such as 6.")


def choose_depth(
    trainable: str, settings: EncoderSettings, *, batch: int, step_seconds: float, device: torch.device
) -> Depth:
    """Choose how many of the encoder's last layers are trained.

    Args:
        trainable: auto: as many as can be trained within `step_seconds`; all; or a number of layers.
        settings: the encoder's; image_size must not be 0.
        batch: pairs of an update.
        step_seconds: longest time of an update, in seconds, for auto.
        device: where updates run.

    Returns:
        The depth. With auto, the shallowest one that was tried if none is fast enough.

    Raises:
        ConfigError: `trainable` is wrong, or the encoder has fewer layers.
    """
    with torch.random.fork_rng(devices=[]):
        encoder = build_encoder(settings)
    count = len(encoder.layers())
    check_layers(trainable, count)
    if trainable == ALL:
        return Depth(0, count)
    if trainable != AUTO:
        return Depth(count - int(trainable), count)
    encoder.to(device)
    depths = sorted({max(1, round(share * count)) for share in _DEPTHS}, reverse=True)
    for trained in depths:
        step_s = measure_step_s(encoder, count - trained, settings.image_size, batch, device)
        if step_s <= step_seconds or trained == depths[-1]:
            break
    return Depth(count - trained, count, step_s, step_seconds)


def check_layers(trainable: str, layers: int) -> None:
    """Raise ConfigError if an encoder of so many layers has fewer than `trainable` says."""
    check_trainable(trainable)
    if trainable.isdecimal() and int(trainable) > layers:
        raise ConfigError(f"trainable = {trainable}, but the encoder has {layers} layers. Set it to {ALL}.")


def measure_step_s(encoder: Encoder, frozen: int, image_size: int, batch: int, device: torch.device) -> float:
    """Estimate the seconds of an update of `batch` pairs, from a few images, if the first `frozen` layers are frozen.

    The encoder's gradients and the statistics of its batch norms change.
    """
    encoder.train().requires_grad_(True)
    for weight in encoder.loose_weights() if frozen else []:
        weight.requires_grad_(False)
    for layer in encoder.layers()[:frozen]:
        for module in layer:
            _freeze(module)
    images = torch.randn(_IMAGES, 3, image_size, image_size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        encoder(images).mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begun)
    return min(seconds) * 2 * batch / _IMAGES


def _freeze(module: nn.Module) -> None:
    module.requires_grad_(False)
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.eval()
