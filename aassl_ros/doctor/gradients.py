"""Whether torch's backward pass is sound on this processor; docs/dependencies.md describes a known fault."""

from __future__ import annotations

import json

from aassl_ros.doctor.finding import Finding, Trial, try_python

CHECKED_MEMORY = {
    "MALLOC_CHECK_": "3",  # glibc before 2.34; later ones need the two below
    "GLIBC_TUNABLES": "glibc.malloc.check=3",
    "LD_PRELOAD": "libc_malloc_debug.so.0",
    "OMP_NUM_THREADS": "1",
}
"""Environment in which glibc ends a process as soon as it frees a block that was written past its end. One thread,
because with several the writes past the end may stay unnoticed.
"""
_NARROW_CONVOLUTION = """
import torch
convolution = torch.nn.Conv2d(4, 8, 1, stride=2).to(memory_format=torch.channels_last)
images = torch.randn(32, 4, 8, 8).to(memory_format=torch.channels_last)
for _ in range(60):
    convolution(images).sum().backward()
"""
_ENCODERS = """
import json, torch
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
torch.manual_seed(0)
errors = {}
for width in (4, 8, 16):
    encoder = build_encoder(EncoderSettings(encoder="resnet18", width=width, image_size=64))
    images = torch.randn(8, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    def gradients(images):
        encoder.zero_grad()
        encoder(images).square().mean().backward()
        return torch.cat([weight.grad.double().flatten() for weight in encoder.parameters()])
    for _ in range(10):
        found = gradients(images)
    encoder.double()
    exact = gradients(images.double())
    errors[width] = float((found - exact).norm() / exact.norm())
print(json.dumps(errors))
"""
_LARGEST_ERROR = 0.01  # relative; float32 has some 1e-5


def check_gradients() -> Finding:
    """Backward passes on the CPU: of our encoders against float64, and of the convolution that is known to fail.

    Each runs in a process of its own, because a fault there ends the process.
    """
    encoders = try_python("-c", _ENCODERS, environment=CHECKED_MEMORY)
    wrong = _what_is_wrong(encoders)
    if wrong is not None:
        mend = "install the tested torch (constraints.txt); until then set ONEDNN_MAX_CPU_ISA=AVX before every command"
        return Finding("gradients", False, f"torch computes them wrongly here: {wrong}", mend)
    narrow = try_python("-c", _NARROW_CONVOLUTION, environment=CHECKED_MEMORY)
    if narrow.error is None:
        return Finding("gradients", True, "our encoders' agree with float64; torch's convolutions are sound")
    found = (
        f"our encoders' agree with float64, but this torch is unsound on this processor ({narrow.error}): a 1x1 "
        "convolution with a stride and fewer than 8 channels corrupts memory. Our encoders avoid it, your own must, too"
    )
    return Finding("gradients", True, found)


def _what_is_wrong(encoders: Trial) -> str | None:
    if encoders.error is not None:
        return encoders.error
    errors = json.loads(encoders.output.splitlines()[-1])
    width, error = max(errors.items(), key=lambda item: float(item[1]))
    # A NaN is not below the bound either.
    return None if error < _LARGEST_ERROR else f"a ResNet-18 of width {width} is off by {error:.2g} of the gradient"
