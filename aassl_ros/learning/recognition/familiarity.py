"""How familiar a view is: its likeness to the gallery, and the likeness below which an object is called unknown.

Likeness is the mean cosine to the nearest views of the gallery, as in deep nearest neighbours for out-of-distribution
detection (Sun et al., ICML 2022), in a space in which directions that vary within categories count less (a shrunk
within-category whitening).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_NEAREST = 5
# Of rows for the whitening: more cost a second and change little.
_MOST_ROWS = 512
# Shrinkage, in units of the mean variance: the best of 0.1, 0.3, 1 and 3 on objects of the demo.
_SHRINKAGE = 3.0


class Familiarity:
    """Likeness to labelled features.

    Args:
        features: float [G, D].
        targets: int64 [G], the category of each, 0 to C - 1.
    """

    def __init__(self, features: Tensor, targets: Tensor) -> None:
        self._directions, self._factors = _whitening(features, targets)
        self._gallery = self._mapped(features)

    def __call__(self, features: Tensor) -> Tensor:
        """The likeness of features float [N, D] to the gallery: float [N], from -1 to 1."""
        return _nearest_mean(self._mapped(features) @ self._gallery.T)

    def without(self, same: Tensor) -> Tensor:
        """The likeness of each view of the gallery to those others that are not `same`, bool [G, G]: float [G].

        -1 if all are the same.
        """
        return _nearest_mean((self._gallery @ self._gallery.T).masked_fill(same, -1.0))

    def _mapped(self, features: Tensor) -> Tensor:
        along = features @ self._directions
        return functional.normalize(features + (along * self._factors) @ self._directions.T, dim=1)


@dataclass(frozen=True)
class UnknownThreshold:
    """The likeness below which a view is unknown.

    value: -1 refuses nothing. refused_unknown: share of views that it refuses if their category is taken out of the
    gallery, an estimate for unknown objects; NaN if there is only one category.
    """

    value: float
    refused_unknown: float


def unknown_threshold(
    familiarity: Familiarity, targets: Tensor, objects: Tensor, refuse_known: float
) -> UnknownThreshold:
    """Choose the threshold on the gallery, each object of which is left out in turn.

    Args:
        familiarity: of the gallery.
        targets: int64 [G], the category of each view.
        objects: int64 [G], the object of each view.
        refuse_known: share of views of known categories that may be refused, 0 to 1; 0: refuse nothing.

    Returns:
        The threshold. For a category with one object, single views are left out, which is too optimistic: an object
        never seen is less familiar than another view.
    """
    same_category = targets[:, None] == targets[None, :]
    unknown = familiarity.without(same_category)
    if refuse_known <= 0.0 or len(targets) < 2:
        return UnknownThreshold(-1.0, 0.0)
    same_object = objects[:, None] == objects[None, :]
    alone = (same_category & ~same_object).sum(dim=1) == 0
    itself = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
    known = familiarity.without(torch.where(alone[:, None], itself, same_object))
    judged = known[~alone] if bool((~alone).any()) else known
    value = float(judged.quantile(refuse_known))
    several = int(targets.max()) > 0
    return UnknownThreshold(value, float((unknown < value).float().mean()) if several else float("nan"))


def _nearest_mean(likeness: Tensor) -> Tensor:
    return likeness.topk(min(_NEAREST, likeness.shape[1]), dim=1).values.mean(dim=1)


def _whitening(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Directions [D, K], and by how much features shrink along each, -1 to 0 [K]."""
    sums = functional.one_hot(targets).to(features.dtype)
    means = (sums.T @ features) / sums.sum(dim=0)[:, None].clamp_min(1.0)
    rows = torch.linspace(0, len(features) - 1, min(len(features), _MOST_ROWS)).long().to(features.device)
    within = (features - means[targets])[rows] / len(rows) ** 0.5
    variances_and_directions = torch.linalg.svd(within, full_matrices=False)
    variances = variances_and_directions.S**2
    floor = _SHRINKAGE * variances.sum() / features.shape[1]
    if float(floor) <= 0.0:  # one view a category
        return features.new_zeros(features.shape[1], 1), features.new_zeros(1)
    return variances_and_directions.Vh.T, (floor / (variances + floor)).sqrt() - 1.0
