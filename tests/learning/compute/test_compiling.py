"""A compiled encoder learns the same, and a machine that cannot compile says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.errors import ConfigError
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.compute.compiling import compile_in_place
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint

SETTINGS = LearnerSettings(batch=8, image_size=32, width=4, method="byol", ema=0.9, device="cpu")


def test_without_a_compiler_it_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ConfigError, match=r"compile = True needs a C\+\+ compiler on a CPU, found no no-such-compiler"):
        compile_in_place(torch.nn.Linear(2, 2), torch.device("cpu"))


@pytest.mark.slow
def test_compiled_it_learns_the_same_and_leaves_the_same_checkpoint(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    batches = rng.integers(0, 256, (3, 2, 8, 32, 32, 3), dtype=np.uint8)
    compiled, plain = Learner(replace(SETTINGS, compile=True)), Learner(SETTINGS)
    for first, second in batches:
        assert compiled.step(first, second).total == pytest.approx(plain.step(first, second).total, rel=1e-3)
    assert compiled.weights().keys() == plain.weights().keys()
    save_checkpoint(tmp_path / "run", compiled, Provenance(None, None, ()))
    again = resume_learner(load_checkpoint(tmp_path / "run"))
    assert again.step(*batches[0]).total == pytest.approx(compiled.step(*batches[0]).total, rel=1e-3)
