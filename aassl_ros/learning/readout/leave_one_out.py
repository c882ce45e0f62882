"""kNN accuracy with each object left out: the category of a view is voted for by views of other objects."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.measures.neighbours import nearest
from aassl_ros.learning.readout.classifiers import count_votes


def leave_one_out_accuracy(features: Tensor, targets: Tensor, objects: Tensor, *, neighbours: int = 20) -> float:
    """Share of views whose category is named by the nearest views of other objects.

    Features are centred; votes are weighted as in classifiers.KNearest. Categories of a single object do not count,
    because nothing could name them.

    Args:
        features: float [N, D].
        targets: int64 [N], the category of each view, 0 to C - 1.
        objects: int64 [N], the object of each view.
        neighbours: number of views that vote.

    Returns:
        From 0 to 1; NaN if fewer than two categories have two objects or more.
    """
    pairs = torch.stack([targets, objects], dim=1).unique(dim=0)
    objects_of = torch.bincount(pairs[:, 0])
    counted = objects_of[targets] >= 2
    features, targets, objects = features[counted], targets[counted], objects[counted]
    if len(targets.unique()) < 2:
        return float("nan")
    directions = functional.normalize(features.float() - features.float().mean(dim=0), dim=1)
    cosines, places = nearest(directions, directions, neighbours, objects, objects)
    named = count_votes(cosines, places, functional.one_hot(targets).float()).argmax(dim=1)
    return float((named == targets).float().mean())
