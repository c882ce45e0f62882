"""The supervised reference: what the encoder can reach on this data if it is trained with the categories."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.losses.classification import classification
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes


class Supervised(nn.Module):
    """Cross entropy of a linear classifier on the features of each image."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.classifier = nn.Linear(sizes.features, sizes.categories)

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar in nats. Raises ValueError if the pairs have no categories."""
        if pairs.target is None:
            raise ValueError("supervised needs categories, none were given")
        return classification(self.classifier(pairs.first), self.classifier(pairs.second), pairs.target)
