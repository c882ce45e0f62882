"""Viewpoint alignment: are the features of different objects similar at the same view? For objects by viewpoints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class ViewAlignment:
    """Means of cosines c(o, v; o', v') of centred features, for objects o and o' and views v and v'.

    viewpoint: c at the same view minus c at two views, both of two objects of one category (VA); 0 if features do not
    depend on the view.
    same_view_neighbour: share of pictures whose nearest picture of another object of the category has the same view;
    1 / V by chance.
    view_invariance: c of one object at two views.
    category_separation: c of two objects of one category minus c of two objects of different categories, at any views.
    other_objects: c of any two objects, at any views.
    views: V. A value is None if the grid has no such pair.
    """

    viewpoint: float | None
    same_view_neighbour: float | None
    view_invariance: float | None
    category_separation: float | None
    other_objects: float | None
    views: int


def view_alignment(features: Tensor, categories: NDArray[np.int64], mean: Tensor) -> ViewAlignment:
    """Measure the alignment of O objects at V views.

    features: float [O, V, D]; categories: int64 [O]; mean: float [D], of the training features.
    Every pair of pictures counts once, so a category with more objects has more weight.
    """
    directions = functional.normalize((features - mean).double(), dim=2)
    views = directions.shape[1]
    same_view, two_views, at_same_view = [], [], []
    for category in np.unique(categories):
        own = directions[torch.from_numpy(np.flatnonzero(categories == category)).to(features.device)]
        if len(own) < 2:
            continue
        cosines = torch.einsum("ovd,pwd->ovpw", own, own)
        here, there, at_view = _of_category(cosines)
        same_view.append(here)
        two_views.append(there)
        at_same_view.append(at_view)
    separation, others = _between_objects(directions, categories)
    return ViewAlignment(
        viewpoint=_difference(_mean(same_view), _mean(two_views)),
        same_view_neighbour=_mean(at_same_view),
        view_invariance=_within_objects(directions),
        category_separation=separation,
        other_objects=others,
        views=views,
    )


def _of_category(cosines: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Select from cosines [n, V, n, V] those of two objects at the same view, and those at two views.

    The third result says for each picture if its nearest picture of another object has its own view: 1 or 0, or a share
    if several are equally near.
    """
    objects, views = cosines.shape[:2]
    other = ~torch.eye(objects, dtype=torch.bool, device=cosines.device)[:, None, :, None]
    same = torch.eye(views, dtype=torch.bool, device=cosines.device)[None, :, None, :]
    here, there = cosines[(other & same).expand_as(cosines)], cosines[(other & ~same).expand_as(cosines)]
    of_others = cosines.masked_fill(~other, -torch.inf).flatten(2)
    nearest = (of_others >= of_others.amax(dim=2, keepdim=True) - 1e-9).view_as(cosines)
    shares = (nearest & same).sum(dim=(2, 3)) / nearest.sum(dim=(2, 3))
    return here, there, shares.flatten()


def _within_objects(directions: Tensor) -> float | None:
    """Return the mean cosine of one object at two views. directions: float [O, V, D]."""
    objects, views = directions.shape[:2]
    if views < 2 or objects == 0:
        return None
    sums = directions.sum(dim=1).square().sum(dim=1) - directions.square().sum(dim=(1, 2))
    return float(sums.mean() / (views * (views - 1)))


def _between_objects(directions: Tensor, categories: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """Return the mean cosine of two objects of one category minus that of two categories, and that of any two."""
    sums = directions.mean(dim=1)
    cosines = sums @ sums.T  # each is the mean over all pairs of views
    targets = torch.from_numpy(categories).to(directions.device)
    other = ~torch.eye(len(sums), dtype=torch.bool, device=directions.device)
    same = targets[:, None] == targets
    within, across = _mean([cosines[other & same]]), _mean([cosines[other & ~same]])
    return _difference(within, across), _mean([cosines[other]])


def _mean(parts: list[Tensor]) -> float | None:
    values = torch.cat(parts) if parts else torch.zeros(0)
    return float(values.mean()) if len(values) else None


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
