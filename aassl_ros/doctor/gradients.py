"""Check that torch computes correct gradients on this processor. docs/dependencies.md describes a known fault."""

from __future__ import annotations

import json

from aassl_ros.doctor.finding import Finding, Trial, try_python

CHECKED_MEMORY = {
    "MALLOC_CHECK_": "3",  # for glibc before 2.34; later versions need the two below
    "GLIBC_TUNABLES": "glibc.malloc.check=3",
    "LD_PRELOAD": "libc_malloc_debug.so.0",
    "OMP_NUM_THREADS": "1",
}
"""Environment in which glibc aborts a process when it frees a memory block that was written past its end. One thread,
because with several threads such writes may stay undetected.
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
_LARGEST_ERROR = 0.01  # relative; float32 reaches about 1e-5


def check_gradients() -> Finding:
    """Check backward passes on the CPU: our encoders against float64, and the convolution that is known to fail.

    Each runs in its own process, because a fault aborts the process.
    """
    encoders = try_python("-c", _ENCODERS, environment=CHECKED_MEMORY)
    wrong = _what_is_wrong(encoders)
    if wrong is not None:
        fix = "install the tested torch (constraints.txt); until then set ONEDNN_MAX_CPU_ISA=AVX before every command"
        return Finding("gradients", False, f"torch computes wrong gradients here: {wrong}", fix)
    narrow = try_python("-c", _NARROW_CONVOLUTION, environment=CHECKED_MEMORY)
    if narrow.error is None:
        return Finding(
            "gradients", True, "gradients of our encoders agree with float64; torch's convolutions are correct"
        )
    found = (
        f"gradients of our encoders agree with float64, but this torch has a fault on this processor ({narrow.error}): "
        "a 1x1 convolution with a stride and fewer than 8 channels corrupts memory. Our encoders avoid it; your own "
        "must avoid it too"
    )
    return Finding("gradients", True, found)


def _what_is_wrong(encoders: Trial) -> str | None:
    if encoders.error is not None:
        return encoders.error
    errors = json.loads(encoders.output.splitlines()[-1])
    width, error = max(errors.items(), key=lambda item: float(item[1]))
    # The comparison is false for NaN, too.
    return None if error < _LARGEST_ERROR else f"a ResNet-18 of width {width} has a relative error of {error:.2g}"
