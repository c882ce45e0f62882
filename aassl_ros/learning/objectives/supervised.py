"""The supervised reference: what the encoder can reach on these data when it is told the categories."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.losses.classification import classification
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs, Sizes


class Supervised(nn.Module):
    """Cross entropy of a linear layer on the features of either image with the category."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.classifier = nn.Linear(sizes.features, sizes.categories)

    def forward(self, pairs: Pairs) -> Tensor:
        """Returns a scalar in nats."""
        if pairs.target is None:
            raise ValueError("supervised learns from categories, none were given")
        return classification(self.classifier(pairs.first), self.classifier(pairs.second), pairs.target)
