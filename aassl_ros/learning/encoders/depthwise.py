"""Depthwise convolutions on maps smaller than their kernel, whose weights get their gradient by a matrix product.

On a CPU, torch computes the gradient of such weights 4 to 9 times as slowly as a matrix product does: oneDNN has no
fast kernel for them. At 64 px, 7 of the 16 depthwise layers of EfficientNet-Lite0 are of this kind; their weights took
40 % of the time of a training step. The output and the gradient of the input are fast, and stay with torch.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.nn.grad import conv2d_input


def has_slow_gradient(images: Tensor, convolution: nn.Conv2d) -> bool:
    """If torch is slow at the gradient of the weights, and `small_map_convolution` can be used instead.

    Args:
        images: the input, float [N, C, H, W].
        convolution: padded so that the output has the size of the input.
    """
    return (
        images.device.type == "cpu"
        and torch.is_grad_enabled()
        and convolution.weight.requires_grad
        and convolution.groups == convolution.in_channels == convolution.out_channels
        and convolution.bias is None
        and all(step == 1 for step in (*convolution.stride, *convolution.dilation))
        and images.shape[2] == images.shape[3] < min(convolution.kernel_size)
        and convolution.kernel_size[0] == convolution.kernel_size[1]
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def small_map_convolution(images: Tensor, weight: Tensor) -> Tensor:
    """Convolve each channel with its own kernel, stride 1, padded with zeros.

    Args:
        images: float [N, C, S, S].
        weight: float [C, 1, K, K], K odd.

    Returns:
        float [N, C, S, S], with gradient.
    """
    output: Tensor = _SmallMapConvolution.apply(images, weight)
    return output


class _SmallMapConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(images, weight)
        return functional.conv2d(images, weight, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        images, weight = ctx.saved_tensors
        kernel, channels = weight.shape[-1], len(weight)
        of_images = None
        if ctx.needs_input_grad[0]:
            of_images = conv2d_input(images.shape, weight, gradient, padding=kernel // 2, groups=channels)
        # For each channel, the products of every pixel of the input with every pixel of the output, summed over the
        # batch: [C, pixels in, pixels out]. Each of them belongs to one entry of the kernel, or to none.
        count, _, size, _ = images.shape
        pixels = images.permute(1, 2, 3, 0).reshape(channels, size * size, count)
        outputs = gradient.permute(1, 0, 2, 3).reshape(channels, count, size * size)
        products = torch.bmm(pixels, outputs).flatten(1)
        of_weight = products.new_zeros(channels, kernel * kernel + 1)
        of_weight.index_add_(1, _entries(size, kernel), products)
        return of_images, of_weight[:, :-1].reshape(weight.shape)


@cache
def _entries(size: int, kernel: int) -> Tensor:
    """For each pair of an input and an output pixel, the entry of the kernel between them: int64 [size^4].

    Pixels that are too far apart get an entry after the last.
    """
    place = torch.arange(size)
    offset = place[:, None] - place[None] + kernel // 2  # [in, out]
    rows, columns = offset[:, None, :, None], offset[None, :, None, :]  # [in row, in column, out row, out column]
    inside = (rows >= 0) & (rows < kernel) & (columns >= 0) & (columns < kernel)
    return torch.where(inside, rows * kernel + columns, kernel * kernel).flatten()
