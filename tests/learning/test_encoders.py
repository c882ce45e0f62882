"""Encoders: the published networks by name and number of weights, at any width."""

from __future__ import annotations

import pytest
import torch

from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders import build_encoder


@pytest.mark.parametrize(
    ("name", "parameters", "features"),
    # torchvision's counts (11,689,512 and so on) less its classifier of 1,000 classes.
    [("resnet18", 11_176_512, 512), ("resnet34", 21_284_672, 512), ("resnet50", 23_508_032, 2048)],
)
def test_at_width_64_an_encoder_has_the_weights_of_the_published_network(
    name: str, parameters: int, features: int
) -> None:
    encoder = build_encoder(name, width=64)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == parameters
    assert encoder.features == features


def test_weights_have_the_names_and_shapes_of_torchvisions() -> None:
    shapes = {name: tuple(value.shape) for name, value in build_encoder("resnet18", width=64).state_dict().items()}
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["bn1.running_mean"] == (64,)
    assert shapes["layer1.1.conv2.weight"] == (64, 64, 3, 3)
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["layer4.0.downsample.1.running_var"] == (512,)
    assert "layer1.0.downsample.0.weight" not in shapes
    bottleneck = build_encoder("resnet50", width=64).state_dict()
    assert tuple(bottleneck["layer1.0.conv3.weight"].shape) == (256, 64, 1, 1)
    assert tuple(bottleneck["layer1.0.downsample.0.weight"].shape) == (256, 64, 1, 1)


@pytest.mark.parametrize(("stem", "size"), [("imagenet", 64), ("small", 32)])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_pictures_become_one_row_of_features_each(name: str, stem: str, size: int) -> None:
    encoder = build_encoder(name, width=8, stem=stem)
    assert encoder(torch.rand(3, 3, size, size)).shape == (3, encoder.features)


def test_the_order_of_pixels_in_memory_changes_no_feature() -> None:
    encoder = build_encoder("resnet18", width=8).eval()
    images = torch.rand(4, 3, 64, 64)
    with torch.no_grad():
        expected = encoder(images)
        found = encoder(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("wrong", [{"name": "resnet19"}, {"stem": "tiny"}, {"width": 0}], ids=["name", "stem", "width"])
def test_an_unknown_encoder_is_refused_in_one_line(wrong: dict) -> None:
    with pytest.raises(ConfigError) as caught:
        build_encoder(**wrong)
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)
