"""LARS against a reference by numpy; the learning rate over a run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aassl_ros.learning.optimization.optimizers import LARS, Schedule
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner

LR, DECAY, MOMENTUM, TRUST = 0.3, 0.01, 0.9, 0.001


def stepped(start: np.ndarray, slopes: list[np.ndarray]) -> np.ndarray:
    """A weight after LARS, from its equation."""
    weight, velocity = start.copy(), np.zeros_like(start)
    for slope in slopes:
        change = slope
        if weight.ndim > 1:
            change = slope + DECAY * weight
            lengths = np.linalg.norm(weight), np.linalg.norm(change)
            change = change * (TRUST * lengths[0] / lengths[1] if min(lengths) > 0 else 1)
        velocity = MOMENTUM * velocity + change
        weight = weight - LR * velocity
    return weight


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2, 2), (5,)], ids=["linear", "convolution", "bias"])
def test_lars_adapts_to_each_layer_and_leaves_vectors_alone(shape: tuple) -> None:
    rng = np.random.default_rng(0)
    start, slopes = rng.normal(size=shape), [rng.normal(size=shape) for _ in range(3)]
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = LARS([weight], LR, weight_decay=DECAY)
    for slope in slopes:
        weight.grad = torch.tensor(slope)
        optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), stepped(start, slopes), rtol=1e-9)


def test_lars_moves_weights_that_are_zero_and_skips_those_without_a_gradient() -> None:
    zero, still = torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.ones(2, 2))
    optimizer = LARS([zero, still], LR)
    zero.grad = torch.ones(2, 2)
    optimizer.step()
    assert torch.equal(zero, torch.full((2, 2), -LR))
    assert torch.equal(still, torch.ones(2, 2))


def test_a_learner_learns_by_lars() -> None:
    settings = LearnerSettings(batch=16, image_size=32, width=4, method="simclr_tt", optimizer="lars", lr=1.0)
    learner = Learner(settings)
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    losses = [learner.step(first, first).total for _ in range(30)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine() -> None:
    schedule = Schedule(warmup=4, total=14)
    assert [schedule.factor(step) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedule.factor(9) == pytest.approx(0.5)  # half way from 4 to 14
    assert schedule.factor(13) == pytest.approx(0.5 * (1 + np.cos(0.9 * np.pi)))
    assert schedule.factor(14) == schedule.factor(100) == 0
    assert [Schedule().factor(step) for step in (0, 10**6)] == [1.0, 1.0]


def test_a_learner_follows_its_schedule() -> None:
    settings = LearnerSettings(batch=4, image_size=32, width=4, method="simclr", lr=0.1)
    learner = Learner(settings, schedule=Schedule(warmup=2))
    first = np.zeros((4, 32, 32, 3), np.uint8)
    rates = []
    for _ in range(3):
        learner.step(first, first)
        rates.append(learner.lr)
    assert rates == [0.05, 0.1, 0.1]
