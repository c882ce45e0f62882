"""How familiar a view is: its likeness to the gallery, and the likeness below which an object is called unknown.

Likeness is the cosine to the nearest view of the gallery, as in deep nearest neighbours for out-of-distribution
detection (Sun et al., ICML 2022), in a space in which directions that vary within categories count less (a shrunk
within-category whitening).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.recognition.folds import leave_out_folds

# Of rows for the whitening: more cost a second and change little.
_MOST_ROWS = 512
# Shrinkage, in units of the mean variance: 1 to 30 were tried on train objects of the demo, 3 to 30 are alike.
_SHRINKAGE = 10.0
_FOLDS = 5
_FURTHER = 3.0
# Directions whose variance is below this share of the largest are rounding errors.
_SMALLEST = 1e-6


class FamiliarityOf(Protocol):
    """How familiar views are. See `Familiarity` for the methods."""

    def __call__(self, features: Tensor) -> Tensor: ...

    def to_other_categories(self, features: Tensor, targets: Tensor) -> Tensor: ...


class Familiarity:
    """Likeness to labelled features.

    Args:
        features: float [G, D].
        targets: int64 [G], the category of each, 0 to C - 1.
    """

    def __init__(self, features: Tensor, targets: Tensor) -> None:
        self._directions, self._factors = _whitening(features, targets)
        self._gallery, self._targets = self._mapped(features), targets

    def __call__(self, features: Tensor) -> Tensor:
        """The likeness of features float [N, D] to the gallery: float [N], from -1 to 1."""
        return self._cosines(features).max(dim=1).values

    def to_other_categories(self, features: Tensor, targets: Tensor) -> Tensor:
        """The likeness of features float [N, D] to views of other categories than theirs, int64 [N]; -1 if none is."""
        same = targets[:, None] == self._targets[None, :]
        return self._cosines(features).masked_fill(same, -1.0).max(dim=1).values

    def _cosines(self, features: Tensor) -> Tensor:
        return self._mapped(features) @ self._gallery.T

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
    features: Tensor,
    targets: Tensor,
    objects: Tensor,
    refuse_known: float,
    fit: Callable[[Tensor, Tensor, Tensor], FamiliarityOf] | None = None,
) -> UnknownThreshold:
    """Choose the threshold on the gallery, each object of which is left out in turn.

    Familiarity is fitted without the objects left out. Otherwise it would have seen how they vary, they would look far
    more familiar than new objects do, and the threshold would refuse most of these.

    Args:
        features: float [G, D].
        targets: int64 [G], the category of each view.
        objects: int64 [G], the object of each view.
        refuse_known: share of views of known categories that may be refused, 0 to 1; 0: refuse nothing.
        fit: makes what tells how familiar views are, of features, targets and objects; None: `Familiarity`.

    Returns:
        The threshold; -1 if every category has one view. Categories of one object count only if no category has
        several: single views are then left out, and they look far more familiar than the same object from new sides.
        So the threshold is lower, see `_of_single_objects`.
    """
    if refuse_known <= 0.0:
        return UnknownThreshold(-1.0, 0.0)
    folds = leave_out_folds(targets, objects, _FOLDS)
    several_objects = _has_several_objects(targets, objects)
    known, unknown = [features.new_zeros(0)], [features.new_zeros(0)]
    for fold in range(_FOLDS):
        left_out = folds == fold
        if not bool(left_out.any()):
            continue
        kept = features[~left_out], targets[~left_out], objects[~left_out]
        familiarity = Familiarity(*kept[:2]) if fit is None else fit(*kept)
        judged = left_out & several_objects if bool(several_objects.any()) else left_out
        known.append(familiarity(features[judged]))
        unknown.append(familiarity.to_other_categories(features[left_out], targets[left_out]))
    likeness, strange = torch.cat(known), torch.cat(unknown)
    if len(likeness) == 0:
        return UnknownThreshold(-1.0, 0.0)
    several_categories = int(targets.max()) > 0
    value = float(likeness.quantile(refuse_known))
    if not bool(several_objects.any()):
        value = max(-1.0, _of_single_objects(value, float(strange.median()) if several_categories else None))
    return UnknownThreshold(value, float((strange < value).float().mean()) if several_categories else float("nan"))


def _of_single_objects(known: float, strange: float | None) -> float:
    """The threshold if every category has one object, so that nothing is known about other views than like ones.

    Args:
        known: likeness of the least familiar views left out.
        strange: likeness of typical views to other categories; None if there is one category.

    Returns:
        The middle of both; without other categories, three times as far from 1 as `known`. On train objects of the
        demo, `known` itself would refuse 60 to 70 % of later views of the objects taught.
    """
    if strange is None:
        return 1.0 - _FURTHER * (1.0 - known)
    return min(known, (known + strange) / 2)


def _has_several_objects(targets: Tensor, objects: Tensor) -> Tensor:
    """Whether the category of each view has two objects or more, bool [G]."""
    pairs = torch.stack([targets, objects], dim=1).unique(dim=0)[:, 0]
    return (pairs[None, :] == targets[:, None]).sum(dim=1) > 1


def _whitening(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Directions [D, K], and by how much features shrink along each, -1 to 0 [K]."""
    sums = functional.one_hot(targets).to(features.dtype)
    means = (sums.T @ features) / sums.sum(dim=0)[:, None].clamp_min(1.0)
    rows = torch.linspace(0, len(features) - 1, min(len(features), _MOST_ROWS)).long().to(features.device)
    within = (features - means[targets])[rows] / len(rows) ** 0.5
    # Of the matrix of rows, not of dimensions: there are fewer rows, and folds need it several times.
    variances, of_rows = torch.linalg.eigh(within @ within.T)
    floor = _SHRINKAGE * variances.clamp_min(0.0).sum() / features.shape[1]
    real = variances > _SMALLEST * variances.max()
    if float(floor) <= 0.0 or not bool(real.any()):  # one view a category
        return features.new_zeros(features.shape[1], 1), features.new_zeros(1)
    directions = (within.T @ of_rows[:, real]) / variances[real].sqrt()
    return directions, (floor / (variances[real] + floor)).sqrt() - 1.0
