"""ResNets of any width, with torchvision's parameter names so that its weights load (He et al. 2016).

torchvision itself is not used: it cannot be installed together with the tested torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from aassl_ros.learning.encoders.encoder import Encoder

SAFE_CHANNELS = 8
"""From this many channels on, every convolution of torch is correct on every processor; see NarrowPointwise."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: [N, C_in, H, W] -> [N, channels, H / stride, W / stride]."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(channels_in, channels, stride)

    def forward(self, images: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(images)), inplace=True)
        inner = self.bn2(self.conv2(inner))
        return functional.relu(inner + self.downsample(images), inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut: [N, C_in, H, W] -> [N, 4 channels, H / stride, W / stride]."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.downsample = _shortcut(channels_in, channels * self.expansion, stride)

    def forward(self, images: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(images)), inplace=True)
        inner = functional.relu(self.bn2(self.conv2(inner)), inplace=True)
        inner = self.bn3(self.conv3(inner))
        return functional.relu(inner + self.downsample(images), inplace=True)


class NarrowPointwise(nn.Conv2d):
    """A 1x1 convolution with a stride, done in two steps: take every stride-th pixel, then convolve with stride 1.

    The values are the same. In one step, with fewer than 8 channels in channels-last order, the backward pass of
    torch's AVX2 kernels writes outside its buffers (docs/dependencies.md, "A fault of torch with AVX2").
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__(channels_in, channels_out, 1, bias=False)
        self.step = stride

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images[:, :, :: self.step, :: self.step])


def _shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    convolution: nn.Conv2d
    if channels_in < SAFE_CHANNELS:
        convolution = NarrowPointwise(channels_in, channels_out, stride)
    else:
        convolution = nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out))


_LAYOUTS: dict[str, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}
RESNETS = tuple(_LAYOUTS)
STEMS = ("imagenet", "small")


class ResNet(Encoder):
    """A ResNet without its classifier: normalised images float [N, 3, H, W] -> features float [N, D].

    name: resnet18, resnet34 or resnet50.
    width: channels of the first stage; the published networks have 64.
    stem: "imagenet" (7x7 with stride 2, then pooling: the last maps of a 64 px picture are 2x2) or "small" (3x3 with
    stride 1: keeps finer detail of pictures of 32 px and less, at about twenty times the cost).
    """

    def __init__(self, name: str, width: int, stem: str) -> None:
        super().__init__()
        block, depths = _LAYOUTS[name]
        self.features = 8 * width * block.expansion
        self.stride = 32 if stem == "imagenet" else 8
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = nn.Conv2d(3, width, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if stem == "imagenet" else nn.Identity()
        stages, channels_in = [], width
        for index, depth in enumerate(depths):
            channels, stage_stride = width * 2**index, 1 if index == 0 else 2
            blocks = [block(channels_in, channels, stage_stride)]
            channels_in = channels * block.expansion
            blocks += [block(channels_in, channels, 1) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def layers(self) -> list[list[nn.Module]]:
        blocks = (block for stage in (self.layer1, self.layer2, self.layer3, self.layer4) for block in stage)
        return [[self.conv1, self.bn1], *([block] for block in blocks)]

    def normalised_convolutions(self) -> list[tuple[str, str]]:
        found = [("conv1", "bn1")]
        for name, block in self.named_modules():
            if isinstance(block, BasicBlock | Bottleneck):
                numbers = range(1, 4 if isinstance(block, Bottleneck) else 3)
                found += [(f"{name}.conv{number}", f"{name}.bn{number}") for number in numbers]
                if isinstance(block.downsample, nn.Sequential):
                    found.append((f"{name}.downsample.0", f"{name}.downsample.1"))
        return found

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maxpool(functional.relu(self.bn1(self.conv1(images)), inplace=True))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        # In full precision: heads compare features of two images that are very similar.
        return maps.mean(dim=(2, 3), dtype=torch.promote_types(maps.dtype, torch.float32))
