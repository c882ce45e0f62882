"""Views of objects that nobody has named, but that the robot has handled: how views of one object differ, and which
objects are alike.

Of each view it is known which object it shows, because one episode shows one object. So directions that vary within
objects can be shrunk, as for the likeness to a gallery (familiarity.py), but with far more objects than are taught.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.measures.neighbours import nearest

# Directions of small variance are noise, and make all views unlike.
_DIRECTIONS = 256
# In units of the mean variance. 0.03 to 10 were tried on train objects of the household set.
_SHRINKAGE = 0.1
NEIGHBOURS = 10
# An affinity falls by a factor of e for every 0.1 of cosine.
_SCALE = 0.1
# Of the same frame, which was stored at another size.
_SAME = 0.99


class SeenObjects:
    """S views of M objects without names, embedded by one encoder. It never changes.

    Args:
        features: float [S, D].
        objects: int64 [S], the object of each, 0 to M - 1.

    Attributes:
        views: the views in the space of `mapped`, float [S, K], K at most 256.
        objects: int64 [S].
        features: as they were given, float [S, D].
        count: M.
        affinity: of each object to each other, float [M, M], symmetric, 0 to itself.
    """

    def __init__(self, features: Tensor, objects: Tensor) -> None:
        self.count = int(objects.max()) + 1
        self._mean = features.mean(dim=0)
        largest = _largest_directions(features - self._mean)
        self._map = largest @ _shrink_within(features @ largest, objects, self.count)
        self.objects, self.features = objects, features
        self.views = self.mapped(features)
        self.affinity = self._affinity()

    def mapped(self, features: Tensor) -> Tensor:
        """Map features float [N, D] to directions float [N, K], in which what varies within objects counts little."""
        return functional.normalize((features - self._mean) @ self._map, dim=1)

    def twins(self, features: Tensor) -> Tensor:
        """The seen object that has the same view as each of features float [N, D], int64 [N]; -1: none has."""
        none = self.objects.new_full((len(features),), -1)
        cosines, places = nearest(self.mapped(features), self.views, 1, none, self.objects)
        return torch.where(cosines[:, 0] > _SAME, self.objects[places[:, 0]], none)

    def _affinity(self) -> Tensor:
        cosines, places = nearest(self.views, self.views, NEIGHBOURS, self.objects, self.objects)
        return summed(weights(cosines), self.objects, self.objects[places], self.count)


def weights(cosines: Tensor) -> Tensor:
    """The weight of neighbours with these cosines, 0 to 1; 0 if there is no such neighbour."""
    return torch.exp((cosines - 1.0) / _SCALE)


def summed(found: Tensor, of: Tensor, to: Tensor, count: int) -> Tensor:
    """Sum weights of pairs of objects.

    Args:
        found: the weights, float [N, K].
        of, to: the objects, int64 [N] and [N, K].
        count: number of objects.

    Returns:
        A symmetric table, float [count, count].
    """
    table = found.new_zeros(count, count)
    table.index_put_((of[:, None].expand_as(to).reshape(-1), to.reshape(-1)), found.reshape(-1), accumulate=True)
    return table + table.T


def _largest_directions(centred: Tensor) -> Tensor:
    """The directions of the largest variance of float [S, D]: float [D, K]."""
    count = min(_DIRECTIONS, *centred.shape)
    if count == centred.shape[1]:
        return torch.eye(count, dtype=centred.dtype, device=centred.device)
    with torch.random.fork_rng(devices=[]):  # the search begins with random directions: the same ones each time
        torch.manual_seed(0)
        return torch.pca_lowrank(centred, q=count, center=False)[2]


def _shrink_within(features: Tensor, objects: Tensor, count: int) -> Tensor:
    sums = features.new_zeros(count, features.shape[1]).index_add_(0, objects, features)
    means = sums / torch.bincount(objects, minlength=count).clamp_min(1)[:, None]
    within = features - means[objects]
    variances, directions = torch.linalg.eigh(within.T @ within / len(features))
    variances = variances.clamp_min(0.0)
    floor = (_SHRINKAGE * variances.mean()).clamp_min(1e-12)  # one view an object: nothing varies
    return (directions * (floor / (variances + floor)).sqrt()) @ directions.T
