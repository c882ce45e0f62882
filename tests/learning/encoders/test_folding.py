"""Folding batch norms into convolutions changes the speed of an encoder, and not its features."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.encoders.folding import fold_batch_norms
from aassl_ros.learning.encoders.pretrained import pretrained_backbone


def trained(name: str, dtype: torch.dtype = torch.float64) -> Encoder:
    """An encoder whose batch norms have statistics and weights of their own."""
    encoder = build_encoder(EncoderSettings(encoder=name, width=4, image_size=32)).to(dtype)
    generator = torch.Generator().manual_seed(0)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, std=0.1, generator=generator)
    for _ in range(3):
        encoder(torch.randn(8, 3, 32, 32, generator=generator, dtype=dtype))
    return encoder.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_lite0", "vit_tiny"])
def test_features_stay_and_no_batch_norm_is_left(name: str) -> None:
    encoder = trained(name)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    folded = fold_batch_norms(encoder)
    images = (
        torch.randn(3, 3, 33, 33, dtype=torch.float64) if name != "vit_tiny" else torch.randn(3, 3, 32, 32).double()
    )
    with torch.inference_mode():
        torch.testing.assert_close(folded(images), encoder(images), atol=1e-10, rtol=1e-10)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items()), "the original changed"


def test_the_published_encoder_keeps_its_features_to_rounding() -> None:
    backbone = pretrained_backbone("pretrained:efficientnet_lite0:64")
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = backbone.encoder(images)
        found = fold_batch_norms(backbone.encoder)(images)
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()
