"""The average of the encoder: what it is, what a checkpoint makes of it, and that it influences nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.errors import CheckpointError
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint

SETTINGS = LearnerSettings(batch=8, image_size=32, width=4, method="simclr_tt", ema=0.2, lr=0.01)


def images(seed: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.random.default_rng(seed).integers(0, 256, (2, 8, 32, 32, 3), dtype=np.uint8)
    return first, second


def test_it_is_the_average_by_its_equation_statistics_of_batch_norm_included() -> None:
    learner = Learner(SETTINGS)
    expected = {name: value.clone() for name, value in learner.encoder.state_dict().items()}
    for step in range(1, 4):
        learner.step(*images(step))
        kept = min(SETTINGS.ema, (1 + step) / (10 + step))
        for name, value in learner.encoder.state_dict().items():
            expected[name] = kept * expected[name] + (1 - kept) * value if value.is_floating_point() else value
    for name, value in learner.evaluated_encoder.state_dict().items():
        torch.testing.assert_close(value, expected[name])


def test_the_average_does_not_change_the_training() -> None:
    with_it, without = Learner(SETTINGS), Learner(replace(SETTINGS, ema=0.0))
    for seed in range(3):
        assert with_it.step(*images(seed)) == without.step(*images(seed))
    for name, value in without.network.state_dict().items():
        assert torch.equal(value, with_it.network.state_dict()[name])
    assert without.evaluated_encoder is without.encoder


def test_a_checkpoint_has_the_average_for_evaluation_and_both_for_resuming(tmp_path: Path) -> None:
    learner = Learner(SETTINGS)
    for seed in range(3):
        learner.step(*images(seed))
    save_checkpoint(tmp_path / "run", learner, Provenance(None, None, ()))
    checkpoint = load_checkpoint(tmp_path / "run")
    looked_at = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(checkpoint.encoder(looked_at), learner.evaluated_encoder(looked_at))
        assert not torch.equal(checkpoint.encoder(looked_at), learner.encoder.eval()(looked_at))
    again = resume_learner(checkpoint)
    for seed in range(3, 5):
        assert again.step(*images(seed)) == learner.step(*images(seed))
    weights = learner.weights()
    assert all(torch.equal(value, weights[name]) for name, value in again.weights().items())


def test_a_checkpoint_without_the_average_it_speaks_of_is_refused(tmp_path: Path) -> None:
    learner = Learner(replace(SETTINGS, ema=0.0))
    save_checkpoint(tmp_path / "run", learner, Provenance(None, None, ()))
    facts = tmp_path / "run" / "checkpoint" / "checkpoint.json"
    facts.write_text(facts.read_text().replace('"ema": 0.0', '"ema": 0.5'))
    with pytest.raises(CheckpointError, match="another architecture"):
        load_checkpoint(tmp_path / "run")
