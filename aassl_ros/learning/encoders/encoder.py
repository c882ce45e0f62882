"""What every encoder is, whatever its architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """f: normalised images float [N, 3, S, S] -> features float [N, D], in float32 at least.

    features: D; classifiers: what the names of a published classifier's weights begin with, which f has no use for.
    """

    features: int
    classifiers: tuple[str, ...] = ("fc.", "head.")

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor: ...

    def published(self) -> dict[str, Tensor]:
        """All weights and buffers under the names they are published by."""
        return dict(self.state_dict())

    def from_published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Published weights as this encoder's `state_dict` has them; what does not fit it stays as it is."""
        return dict(weights)
