"""A batch taken in parts: its gradient is the mean of theirs, each part with negatives and batch norm of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from aassl_ros.errors import ConfigError, TrainingError
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner

SETTINGS = LearnerSettings(
    batch=16, image_size=32, width=4, crop_minimum=1.0, jitter_probability=0.0, gray_probability=0.0
)  # what is drawn for an image would differ, were it taken in another order


def triplets(count: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, count, 32, 32, 3), dtype=np.uint8)
    return first, second, rng.normal(size=(count, 6)).astype(np.float32)


def test_the_gradient_is_the_mean_of_the_parts_gradients() -> None:
    first, second, action = triplets()
    whole = Learner(replace(SETTINGS, accumulate=2), 6)
    losses = whole.step(first, second, action)
    parts = [Learner(replace(SETTINGS, batch=8), 6) for _ in range(2)]
    reported = [
        part.step(first[rows], second[rows], action[rows])
        for part, rows in zip(parts, (slice(0, 8), slice(8, 16)), strict=True)
    ]
    assert losses.total == pytest.approx((reported[0].total + reported[1].total) / 2, rel=1e-5)
    assert losses.action == pytest.approx((reported[0].action + reported[1].action) / 2, rel=1e-5)
    slopes = [[weight.grad for weight in learner.encoder.parameters()] for learner in (whole, *parts)]
    for found, one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(found, (one + other) / 2, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("accumulate", [3, 16], ids=["unequal parts", "parts of one pair"])
def test_an_impossible_number_of_parts_is_refused(accumulate: int) -> None:
    with pytest.raises(ConfigError, match=f"accumulate = {accumulate}, but a batch of 16 pairs"):
        Learner(replace(SETTINGS, accumulate=accumulate), 6)


def test_a_part_whose_loss_is_no_number_changes_no_weight() -> None:
    learner = Learner(replace(SETTINGS, accumulate=4), 6)
    first, second, action = triplets()
    action[5] = np.nan
    before = [weight.detach().clone() for weight in learner.network.parameters()]
    with pytest.raises(TrainingError, match="the loss is nan"):
        learner.step(first, second, action)
    assert all(torch.equal(*pair) for pair in zip(before, learner.network.parameters(), strict=True))
