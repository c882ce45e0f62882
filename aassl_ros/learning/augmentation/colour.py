"""Changes of colour in place, with one factor per image, as torchvision and kornia define them.

All take images float [N, 3, H, W] from 0 to 1 (changed in place and returned) and factors float [N].
"""

from __future__ import annotations

import torch
from torch import Tensor

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114  # ITU-R BT.601, as in both libraries


def luminance(images: Tensor) -> Tensor:
    """Return the gray value of each pixel, float [N, 1, H, W]; `images` are not changed."""
    red, green, blue = images.unbind(1)
    return (red * _RED).add_(green, alpha=_GREEN).add_(blue, alpha=_BLUE).unsqueeze(1)


def brightness_(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply by the factor; 1 changes nothing."""
    return images.mul_(_wide(factors)).clamp_(0, 1)


def contrast_(images: Tensor, factors: Tensor) -> Tensor:
    """Scale the distance from the image's mean gray by the factor; 1 changes nothing."""
    mean = luminance(images).mean(dim=(2, 3), keepdim=True)
    return images.mul_(_wide(factors)).add_(mean * (1 - _wide(factors))).clamp_(0, 1)


def saturation_(images: Tensor, factors: Tensor) -> Tensor:
    """Scale the distance from each pixel's gray by the factor; 1 changes nothing."""
    gray = luminance(images)
    return images.mul_(_wide(factors)).add_(gray.mul_(1 - _wide(factors))).clamp_(0, 1)


def hue_(images: Tensor, turns: Tensor) -> Tensor:
    """Shift the hue (of hue, saturation, value) by `turns` of the colour circle; 0 changes nothing."""
    red, green, blue = images.unbind(1)
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    divisor = chroma.clamp(min=1e-8)  # a gray pixel has no hue and stays as it is
    from_green = (blue - red).add_(divisor, alpha=2)
    from_blue = (red - green).add_(divisor, alpha=4)
    sixths = torch.where(value == red, green - blue, torch.where(value == green, from_green, from_blue)).div_(divisor)
    sixths = sixths.add_(6 * turns.view(-1, 1, 1))
    sixths = sixths.sub_((sixths / 6).floor_(), alpha=6)  # back into 0 to 6
    darkening = (  # how far each colour falls below the value, in units of the chroma
        (2 - (sixths - 3).abs_()).clamp_(0, 1),
        (sixths - 2).abs_().sub_(1).clamp_(0, 1),
        (sixths - 4).abs_().sub_(1).clamp_(0, 1),
    )
    for channel, share in enumerate(darkening):
        images[:, channel] = value - chroma * share
    return images


def _wide(factors: Tensor) -> Tensor:
    return factors.view(-1, 1, 1, 1)
