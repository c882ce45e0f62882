"""Names spread from taught objects to those that look alike (label propagation: Zhou et al., NeurIPS 2003).

An object of an unknown category resembles seen objects to which no name has spread. So it is told from known ones
better than by its likeness to a few taught views alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.measures.neighbours import nearest
from aassl_ros.learning.recognition.familiarity import Familiarity
from aassl_ros.learning.recognition.seen import NEIGHBOURS, SeenObjects, summed, weights

# Share of an object's names that come from its neighbours in each step: 0.8 to 0.97 were tried.
_FROM_NEIGHBOURS = 0.8
# How much likeness to the taught views counts beside the logarithm of the names: in the space of the seen objects, and
# in that of `Familiarity`. It is all that tells an object of a kind that was never seen. Chosen on train objects of a
# rendered set: with 0 or 5 in place of 10 more of these are taken for known ones, with 20 or 40 fewer of seen kinds are
# refused.
_PER_COSINE, _PER_LIKENESS = 5.0, 10.0
# Seen views that say which familiarity is a middle one.
_SAMPLE = 200
_STEPS = 20
_SMALLEST = 1e-12


class Spreading:
    """Names of seen and taught objects. It never changes.

    Args:
        seen: objects without names.
        features: float [G, D], taught views.
        targets: int64 [G], the category of each, 0 to C - 1.
        objects: int64 [G], the object of each.
    """

    def __init__(self, seen: SeenObjects, features: Tensor, targets: Tensor, objects: Tensor) -> None:
        self.seen = seen
        _, own = objects.unique(return_inverse=True)
        self._taught, self._targets = seen.mapped(features), targets
        self._likeness = Familiarity(features, targets)
        self._views = torch.cat([seen.views, self._taught])
        self._objects = torch.cat([seen.objects, seen.count + own])
        names = self._spread(own)
        self._names = names / names.sum(dim=0, keepdim=True).clamp_min(_SMALLEST)
        self._middle = features.new_zeros(())
        self._middle = self._middle_of_seen()

    def __call__(self, features: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Judge views.

        Args:
            features: float [N, D].
            hidden: int64 [N], a seen object that must not vote for each, because it is the same one, -1: none; None:
                none for all.

        Returns:
            Probabilities of the categories, float [N, C], and familiarity, float [N], 0 to 1.
        """
        found, cosines = self._found(self.seen.mapped(features), hidden)
        probabilities = found / found.sum(dim=1, keepdim=True).clamp_min(_SMALLEST)
        return probabilities, torch.sigmoid(self._strength(found, cosines, self._likeness(features)) - self._middle)

    def to_other_categories(self, features: Tensor, targets: Tensor, hidden: Tensor | None = None) -> Tensor:
        """The familiarity of features float [N, D] if their categories, int64 [N], were not taught: float [N]."""
        found, cosines = self._found(self.seen.mapped(features), hidden)
        found = found.scatter(1, targets[:, None], 0.0)
        cosines = cosines.masked_fill(targets[:, None] == self._targets[None, :], -1.0)
        likeness = self._likeness.to_other_categories(features, targets)
        return torch.sigmoid(self._strength(found, cosines, likeness) - self._middle)

    def _found(self, asked: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """How strong each name is at the neighbours, float [N, C]; cosines to the taught views, float [N, G]."""
        hidden = self._objects.new_full((len(asked),), -1) if hidden is None else hidden
        cosines, places = nearest(asked, self._views, NEIGHBOURS, hidden, self._objects)
        votes = functional.normalize(weights(cosines), p=1, dim=1)
        return (votes[..., None] * self._names[self._objects[places]]).sum(dim=1), asked @ self._taught.T

    def _strength(self, found: Tensor, cosines: Tensor, likeness: Tensor) -> Tensor:
        names = found.max(dim=1).values.clamp_min(_SMALLEST).log()
        return names + _PER_COSINE * cosines.max(dim=1).values + _PER_LIKENESS * likeness

    def _middle_of_seen(self) -> Tensor:
        """The median strength of seen views, each without its own object: their familiarity is 0.5."""
        some = torch.arange(0, len(self.seen.features), max(1, len(self.seen.features) // _SAMPLE))
        some = some.to(self.seen.objects.device)
        found, cosines = self._found(self.seen.views[some], self.seen.objects[some])
        return self._strength(found, cosines, self._likeness(self.seen.features[some])).median()

    def _spread(self, own: Tensor) -> Tensor:
        """How strong each name is at each object: float [M + T, C], for M seen and T taught objects."""
        first = self.seen.count
        count = first + int(own.max()) + 1
        cosines, places = nearest(self._taught, self._views, NEIGHBOURS, first + own, self._objects)
        affinity = summed(weights(cosines), first + own, self._objects[places], count)
        affinity[:first, :first] += self.seen.affinity
        scale = affinity.sum(dim=1).clamp_min(_SMALLEST).rsqrt()
        affinity = scale[:, None] * affinity * scale
        given = affinity.new_zeros(count, int(self._targets.max()) + 1)
        given[first + own, self._targets] = 1.0
        names = given
        for _ in range(_STEPS):
            names = _FROM_NEIGHBOURS * affinity @ names + (1.0 - _FROM_NEIGHBOURS) * given
        return names


class LeftOutSpreading:
    """The same for views of objects left out, each of which may be among the seen objects: then that one is hidden."""

    def __init__(self, spreading: Spreading) -> None:
        self._spreading = spreading

    def probabilities(self, features: Tensor) -> Tensor:
        """Probabilities of the categories, float [N, C], of features float [N, D]."""
        return self._spreading(features, self._twins(features))[0]

    def __call__(self, features: Tensor) -> Tensor:
        """The familiarity of features float [N, D]: float [N]."""
        return self._spreading(features, self._twins(features))[1]

    def to_other_categories(self, features: Tensor, targets: Tensor) -> Tensor:
        """The familiarity of features float [N, D] if their categories, int64 [N], were not taught: float [N]."""
        return self._spreading.to_other_categories(features, targets, self._twins(features))

    def _twins(self, features: Tensor) -> Tensor:
        return self._spreading.seen.twins(features)
