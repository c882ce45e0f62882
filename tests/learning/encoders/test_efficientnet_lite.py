"""EfficientNet-Lite against the implementation on PyPI that its weights were published with."""

from __future__ import annotations

import efficientnet_lite_pytorch as reference
import pytest
import torch
from torch import nn

from aassl_ros.learning.encoders.efficientnet_lite import EFFICIENTNETS, EfficientNetLite
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.encoders.pretrained import pretrained_backbone, pretrained_weights


def published(name: str, size: int) -> nn.Module:
    model = reference.EfficientNet.from_name(name.replace("_", "-"), image_size=size)
    model.load_state_dict(dict(pretrained_weights(name).weights), strict=True)
    return model.eval()


@pytest.mark.parametrize(
    ("name", "size"), [("efficientnet_lite0", 64), ("efficientnet_lite0", 97), ("efficientnet_lite1", 64),
                       ("efficientnet_lite2", 64)]
)  # fmt: skip
def test_features_are_those_of_the_published_implementation(name: str, size: int) -> None:
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    encoder = pretrained_backbone(f"pretrained:{name}:{size}").encoder
    with torch.no_grad():
        wanted = published(name, size).extract_features(images).mean(dim=(2, 3))
        torch.testing.assert_close(encoder(images), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", EFFICIENTNETS)
def test_a_new_one_has_the_published_shapes_and_learns(name: str) -> None:
    encoder = build_encoder(EncoderSettings(encoder=name, image_size=32))
    left_over = pretrained_weights(name).fill(encoder, name)
    assert left_over == ("_fc.bias", "_fc.weight")
    assert encoder.train()(torch.randn(2, 3, 32, 32)).shape == (2, 1280)


def test_gradients_reach_every_weight_of_new_weights() -> None:
    encoder = EfficientNetLite("efficientnet_lite0")
    encoder(torch.randn(4, 3, 64, 64)).square().sum().backward()
    assert [name for name, weight in encoder.named_parameters() if weight.grad is None] == []


def test_its_layers_hold_all_of_its_weights_once() -> None:
    encoder = EfficientNetLite("efficientnet_lite0")
    held = [id(weight) for layer in encoder.layers() for module in layer for weight in module.parameters()]
    assert sorted(held) == sorted(map(id, encoder.parameters()))
