"""RankMe: over how many directions features spread, which falls when they collapse (Garrido et al., ICML 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from aassl_ros.errors import DataError


def rankme(features: Tensor) -> float:
    """The exponential of the entropy of the singular values, scaled to sum 1: between 1 and min(N, D).

    features: [N, D], any floating type, not centred, as published. All zero gives 1 (one point is no spread). Raises
    DataError for other shapes, no rows, and values that are not finite.
    """
    if features.dim() != 2 or 0 in features.shape:
        raise DataError(f"RankMe takes features [N, D], N and D at least 1, not {list(features.shape)}.")
    values = features.detach().float()
    if not bool(torch.isfinite(values).all()):
        raise DataError("RankMe: some features are not finite. Training went astray: take a smaller learning rate.")
    singular = torch.linalg.svdvals(values).double()
    total = singular.sum()
    if total == 0:
        return 1.0
    return float(torch.special.entr(singular / total).sum().exp())  # entr(0) is 0: no small constant is needed
