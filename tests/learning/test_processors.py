"""Encoders of every width learn on every processor: torch's kernels for the other kind are tried in other processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from aassl_ros.doctor.gradients import CHECKED_MEMORY
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.encoders.resnet import SAFE_CHANNELS, NarrowPointwise

# `.ci/run` has these tests run with AVX2; the core is then tried with all that the processor has.
OTHER_KIND = "DEFAULT" if os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2" else "AVX2"
CORE = ("training/test_learner.py", "objectives/test_methods.py")
LEARN = """
import sys, numpy as np
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
rng = np.random.default_rng(0)
for width in (4, 6, 8):
    for stem in ("imagenet", "small"):
        learner = Learner(LearnerSettings(method="aa_simclr", batch=16, image_size=32, width=width, stem=stem), 3)
        for _ in range(5):
            learner.step(*rng.integers(0, 256, (2, 16, 32, 32, 3), dtype=np.uint8), rng.normal(size=(16, 3)))
"""


def run_python(*words: str, **environment: str) -> None:
    done = subprocess.run([sys.executable, *words], env={**os.environ, **environment}, capture_output=True, text=True,
                          timeout=800, check=False)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize("kind", ["AVX2", "DEFAULT"])
def test_no_width_writes_outside_its_memory(kind: str) -> None:
    run_python("-c", LEARN, ONEDNN_MAX_CPU_ISA=kind, **CHECKED_MEMORY)


def test_the_core_of_the_training_tests_passes_with_kernels_of_the_other_kind() -> None:
    files = [os.path.join(os.path.dirname(__file__), name) for name in CORE]
    run_python("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files, ONEDNN_MAX_CPU_ISA=OTHER_KIND)


@pytest.mark.parametrize("width", [4, 7, 8, 64])
def test_narrow_shortcuts_take_every_other_pixel_first_and_compute_the_same(width: int) -> None:
    shortcut = build_encoder(EncoderSettings(width=width)).layer2[0].downsample[0]
    assert isinstance(shortcut, NarrowPointwise) == (width < SAFE_CHANNELS)
    images = torch.randn(2, width, 9, 6)
    expected = torch.nn.functional.conv2d(images, shortcut.weight, stride=2)
    torch.testing.assert_close(shortcut(images), expected)
