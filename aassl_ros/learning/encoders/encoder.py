"""The interface of all encoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """The encoder f: normalised images float [N, 3, S, S] -> features float [N, D], in float32 or better.

    features: D.
    transformer: if it is a transformer; some heads are then deeper.
    stride: pixels of the image for each pixel of the last maps; smaller images make no features that mean anything.
    classifiers: prefixes of the names of a published classifier's weights, which f does not need.
    """

    features: int
    transformer: bool = False
    stride: int = 1
    classifiers: tuple[str, ...] = ("fc.", "head.")

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor: ...

    def layers(self) -> list[list[nn.Module]]:
        """The modules that hold weights, layer by layer from the image on; what is frozen is frozen from below."""
        return [[module] for module in self.children() if next(module.parameters(), None) is not None]

    def loose_weights(self) -> list[nn.Parameter]:
        """Weights of no layer, such as a transformer's class token: frozen with the first layer."""
        held = {id(weight) for layer in self.layers() for module in layer for weight in module.parameters()}
        return [weight for weight in self.parameters() if id(weight) not in held]

    def normalised_convolutions(self) -> list[tuple[str, str]]:
        """Names of each convolution and of the batch norm that takes its output and nothing else's, for folding."""
        return []

    def published(self) -> dict[str, Tensor]:
        """Return all weights and buffers under the names that published files use."""
        return dict(self.state_dict())

    def from_published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Convert published weights to the names and shapes of this encoder's `state_dict`.

        Weights that it does not know stay as they are.
        """
        return dict(weights)

    @torch.no_grad()
    def strides_over_single_pixels(self, image_size: int) -> bool:
        """If, for images of this side in pixels, a strided convolution wider than a pixel is fed maps of one pixel."""
        found: list[bool] = []

        def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            assert isinstance(module, nn.Conv2d)
            strided = max(module.kernel_size) > 1 and max(module.stride) > 1
            found.append(strided and inputs[0].shape[-2:].numel() == 1)

        convolutions = [module for module in self.modules() if isinstance(module, nn.Conv2d)]
        hooks = [module.register_forward_pre_hook(look) for module in convolutions]
        training, device = self.training, next(self.parameters()).device
        try:
            self.eval()(torch.zeros(1, 3, image_size, image_size, device=device))
        finally:
            self.train(training)
            for hook in hooks:
                hook.remove()
        return any(found)
