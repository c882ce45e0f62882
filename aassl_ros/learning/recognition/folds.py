"""Folds of a gallery's views, so that each object is left out once."""

from __future__ import annotations

import torch
from torch import Tensor


def leave_out_folds(targets: Tensor, objects: Tensor, count: int) -> Tensor:
    """Put the views of each category into folds.

    Args:
        targets: int64 [M], the category of each view.
        objects: int64 [M], the object of each view.
        count: number of folds.

    Returns:
        The fold of each view, int64 [M]: by object, or by view if its category has one object; -1 for the only view of
        a category, which is never left out.
    """
    folds = torch.full_like(targets, -1)
    for category in targets.unique():
        places = torch.nonzero(targets == category)[:, 0]
        _, of_object = objects[places].unique(return_inverse=True)
        groups = of_object if int(of_object.max()) > 0 else torch.arange(len(places), device=places.device)
        if len(places) > 1:
            folds[places] = groups % count
    return folds
