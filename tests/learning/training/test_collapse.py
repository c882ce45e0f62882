"""A warning if features collapse to a few directions."""

from __future__ import annotations

import torch

from aassl_ros.learning.training.collapse import check_collapse


def test_features_that_spread_are_measured_and_not_warned_of() -> None:
    features = torch.randn(64, 40, generator=torch.Generator().manual_seed(0))
    rank, warning = check_collapse(features)
    assert 25 < rank <= 40
    assert warning == ""


def test_features_in_one_direction_are_warned_of() -> None:
    rank, warning = check_collapse(torch.arange(1, 65.0)[:, None] * torch.ones(40))
    assert round(rank, 1) == 1.0
    assert "vary in 1.0 of 40 directions" in warning


def test_there_is_no_warning_for_few_images() -> None:
    assert check_collapse(torch.ones(8, 40))[1] == ""
