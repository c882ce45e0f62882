"""RankMe: the effective rank of features, which falls when they collapse (Garrido et al., ICML 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from aassl_ros.errors import DataError


def rankme(features: Tensor) -> float:
    """RankMe: the exponential of the entropy of the singular values, which are scaled to the sum 1.

    features: [N, D], any floating dtype, not centred, as published. Returns a number from 1 to min(N, D); 1 if all
    features are zero. Raises DataError for other shapes, no rows, and values that are not finite.
    """
    if features.dim() != 2 or 0 in features.shape:
        raise DataError(f"RankMe: features {list(features.shape)}, expected [N, D] with N and D at least 1.")
    values = features.detach().float()
    if not bool(torch.isfinite(values).all()):
        raise DataError("RankMe: some features are not finite, because training diverged. Lower lr.")
    singular = torch.linalg.svdvals(values).double()
    total = singular.sum()
    if total == 0:
        return 1.0
    return float(torch.special.entr(singular / total).sum().exp())  # entr(0) is 0: no small constant is needed
