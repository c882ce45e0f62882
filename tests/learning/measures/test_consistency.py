"""Consistency of frames in time, and the cosine of gradients."""

from __future__ import annotations

import pytest
import torch

from aassl_ros.learning.measures.consistency import consistency
from aassl_ros.learning.measures.gradients import gradient_cosine


def test_consecutive_frames_are_similar_if_features_drift_slowly() -> None:
    generator = torch.Generator().manual_seed(0)
    frames = 5 + torch.randn(300, 16, generator=generator)
    followers = frames + 0.3 * torch.randn(300, 16, generator=generator)

    found = consistency(frames, followers, frames.mean(dim=0), generator)

    assert found is not None
    expected = torch.cosine_similarity(frames - frames.mean(dim=0), followers - frames.mean(dim=0)).mean()
    assert found.neighbours == pytest.approx(float(expected))
    assert found.neighbours > 0.9
    assert found.random_pairs == pytest.approx(0, abs=0.1)  # without centring it would be near 1


def test_one_pair_has_no_random_pair_beside_it() -> None:
    assert consistency(torch.ones(1, 3), torch.ones(1, 3), torch.zeros(3), torch.Generator()) is None


@pytest.mark.parametrize(
    ("weights", "expected"), [((2.0, 0.0), 1), ((-1.0, 0.0), -1), ((0.0, 3.0), 0), ((0.0, 0.0), 0)]
)
def test_gradients_pull_one_way_across_or_against(weights: tuple[float, float], expected: float) -> None:
    one, other = torch.ones(4, 2, requires_grad=True), torch.ones(4, 2, requires_grad=True)
    direction = torch.tensor(weights)

    cosine = gradient_cosine(one[:, 0].sum() + other[:, 0].sum(), ((one + other) @ direction).sum(), (one, other))

    assert cosine == pytest.approx(expected)


def test_a_loss_that_looks_at_one_image_alone_has_a_cosine_too() -> None:
    one, other = torch.ones(4, 2, requires_grad=True), torch.ones(4, 2, requires_grad=True)

    assert gradient_cosine(one.sum(), one.sum() + other.sum(), (one, other)) == pytest.approx(0.5**0.5)
