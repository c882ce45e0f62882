"""Points of features for a picture."""

from __future__ import annotations

import numpy as np
import torch

from aassl_ros.learning.measures.tsne import tsne_points


def test_features_of_two_kinds_lie_apart() -> None:
    kinds = torch.arange(40) % 2
    features = 10 * torch.eye(2, 8)[kinds] + torch.randn(40, 8, generator=torch.Generator().manual_seed(0))

    points = tsne_points(features)

    assert points.shape == (40, 2)
    one, other = points[kinds == 0], points[kinds == 1]
    assert np.linalg.norm(one.mean(0) - other.mean(0)) > np.linalg.norm(one - one.mean(0), axis=1).mean()
