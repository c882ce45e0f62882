"""Depthwise convolutions on small maps: the values and gradients of torch, in less time."""

from __future__ import annotations

import time

import pytest
import torch
from torch.nn import functional

from aassl_ros.learning.encoders.depthwise import has_slow_gradient, small_map_convolution
from aassl_ros.learning.encoders.efficientnet_lite import EfficientNetLite, SameConv2d


@pytest.mark.parametrize(("size", "kernel"), [(1, 3), (2, 3), (1, 5), (2, 5), (3, 5), (4, 5), (6, 5)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_torch(size: int, kernel: int, layout: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 7, size, size, dtype=torch.float64, generator=generator).contiguous(memory_format=layout)
    weight = torch.randn(7, 1, kernel, kernel, dtype=torch.float64, generator=generator)
    found, wanted = [], []
    for convolve, results in (
        (small_map_convolution, found),
        (lambda x, w: functional.conv2d(x, w, padding=kernel // 2, groups=7), wanted),
    ):
        x, w = images.clone().requires_grad_(), weight.clone().requires_grad_()
        output = convolve(x, w)
        output.pow(3).sum().backward()
        results += [output.detach(), x.grad, w.grad]
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_the_encoder_uses_it_where_torch_is_slow_alone() -> None:
    encoder, used = EfficientNetLite("efficientnet_lite0"), []
    for module in encoder.modules():
        if isinstance(module, SameConv2d):
            module.register_forward_pre_hook(lambda own, inputs: used.append(has_slow_gradient(inputs[0], own)))
    images = torch.randn(2, 3, 64, 64)
    encoder(images)
    assert sum(used) == 7
    used.clear()
    with torch.no_grad():
        encoder(images)
    with torch.autocast("cpu", torch.bfloat16):
        encoder(images)
    encoder.requires_grad_(False)(images)
    assert not any(used)


def test_it_is_quicker_than_torch_on_a_small_map() -> None:
    images, layer = torch.randn(64, 1152, 2, 2), SameConv2d(1152, 1152, 5, groups=1152, bias=False)

    def seconds(step) -> float:
        step()
        times = []
        for _ in range(5):
            begun = time.thread_time()
            step()
            times.append(time.thread_time() - begun)
        return min(times)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # thread_time counts one thread
    try:
        ours = seconds(lambda: layer(images).sum().backward())
        theirs = seconds(lambda: functional.conv2d(images, layer.weight, padding=2, groups=1152).sum().backward())
    finally:
        torch.set_num_threads(threads)
    assert ours < theirs
