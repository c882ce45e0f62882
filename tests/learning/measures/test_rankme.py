"""RankMe against its definition, and what it says of collapse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aassl_ros.errors import DataError
from aassl_ros.learning.measures.rankme import rankme


def test_it_is_the_exponential_of_the_entropy_of_the_singular_values() -> None:
    features = torch.randn(50, 8, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 9)
    singular = np.sqrt(np.linalg.eigvalsh(features.double().numpy().T @ features.double().numpy()))
    shares = singular / singular.sum()
    assert rankme(features) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-4)


def test_orthogonal_features_of_one_size_have_full_rank() -> None:
    assert rankme(torch.eye(16)) == pytest.approx(16, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_collapsed_features_have_rank_one(value: float) -> None:
    assert rankme(torch.full((20, 5), value)) == pytest.approx(1, abs=1e-3)


def test_half_precision_and_one_row_are_taken() -> None:
    assert rankme(torch.ones(1, 4, dtype=torch.bfloat16)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("features", [torch.zeros(3), torch.zeros(0, 4), torch.full((2, 2), torch.nan)])
def test_what_has_no_rank_is_refused(features: torch.Tensor) -> None:
    with pytest.raises(DataError, match="RankMe"):
        rankme(features)
