"""Encoders: the published networks by name, with the names and shapes that their published weights have."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch

from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder

Shapes = dict[str, tuple[int, ...]]


def published(encoder: str, **others) -> EncoderSettings:
    return EncoderSettings(encoder=encoder, width=64, image_size=224, **others)


def shapes_of(settings: EncoderSettings) -> Shapes:
    return {name: tuple(value.shape) for name, value in build_encoder(settings).published().items()}


def norm(name: str, channels: int) -> Shapes:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{part}": (channels,) for part in parts}, f"{name}.num_batches_tracked": ()}


def convolution(number: str, prefix: str, out: int, into: int, side: int) -> Shapes:
    """conv NUMBER and the norm after it."""
    return {f"{prefix}.conv{number}.weight": (out, into, side, side), **norm(f"{prefix}.bn{number}", out)}


def shortcut(prefix: str, out: int, into: int) -> Shapes:
    return {f"{prefix}.downsample.0.weight": (out, into, 1, 1), **norm(f"{prefix}.downsample.1", out)}


def torchvisions(basic: bool, blocks: tuple[int, int, int, int]) -> Shapes:
    """Table 1 of He et al. 2016 in torchvision's names, without the classifier."""
    shapes = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}
    into = 64
    for stage, (channels, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), start=1):
        out = channels if basic else 4 * channels
        for block in range(count):
            prefix = f"layer{stage}.{block}"
            if basic:
                shapes |= convolution("1", prefix, channels, into, 3) | convolution("2", prefix, channels, channels, 3)
            else:
                shapes |= convolution("1", prefix, channels, into, 1) | convolution("2", prefix, channels, channels, 3)
                shapes |= convolution("3", prefix, out, channels, 1)
            if block == 0 and into != out:
                shapes |= shortcut(prefix, out, into)
            into = out
    return shapes


def timms(width: int) -> Shapes:
    """A vision transformer of 16 px patches at 224 px in timm's names, without the classifier."""
    shapes: Shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 197, width),
        "patch_embed.proj.weight": (width, 3, 16, 16),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for block in range(12):
        for name, out, into in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width),
            ("mlp.fc2", width, 4 * width),
        ):
            shapes |= {f"blocks.{block}.{name}.weight": (out, into), f"blocks.{block}.{name}.bias": (out,)}
        for name in ("norm1", "norm2"):
            shapes |= {f"blocks.{block}.{name}.weight": (width,), f"blocks.{block}.{name}.bias": (width,)}
    return shapes


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("resnet18", torchvisions(True, (2, 2, 2, 2))),
        ("resnet34", torchvisions(True, (3, 4, 6, 3))),
        ("resnet50", torchvisions(False, (3, 4, 6, 3))),
        ("vit_tiny", timms(192)),
        ("vit_small", timms(384)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_weights_have_the_names_and_shapes_of_the_published_ones(encoder: str, expected: Shapes) -> None:
    assert shapes_of(published(encoder)) == expected


@pytest.mark.parametrize(
    ("encoder", "parameters", "features"),
    # As torchvision and timm count them (11,689,512; 5,717,416 and so on), less their classifiers of 1,000 classes.
    [
        ("resnet18", 11_176_512, 512),
        ("resnet34", 21_284_672, 512),
        ("resnet50", 23_508_032, 2048),
        ("vit_tiny", 5_524_416, 192),
        ("vit_small", 21_665_664, 384),
    ],
)
def test_an_encoder_is_as_large_as_the_published_network(encoder: str, parameters: int, features: int) -> None:
    made = build_encoder(published(encoder))
    assert sum(parameter.numel() for parameter in made.parameters()) == parameters
    assert made.features == features


@pytest.mark.parametrize(("stem", "size"), [("imagenet", 64), ("small", 32)])
@pytest.mark.parametrize("encoder", ["resnet18", "resnet50", "vit_tiny"])
def test_pictures_become_one_row_of_features_each(encoder: str, stem: str, size: int) -> None:
    made = build_encoder(EncoderSettings(encoder=encoder, width=8, stem=stem, image_size=size))
    assert made(torch.rand(3, 3, size, size)).shape == (3, made.features)


@pytest.mark.parametrize("encoder", ["resnet18", "vit_tiny"])
def test_the_order_of_pixels_in_memory_changes_no_feature(encoder: str) -> None:
    made = build_encoder(EncoderSettings(encoder=encoder, width=8, image_size=64)).eval()
    images = torch.rand(4, 3, 64, 64)
    with torch.no_grad():
        expected = made(images)
        found = made(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("size", "patch"), [(32, 4), (64, 8), (96, 8), (128, 16), (224, 16)])
def test_a_transformers_patches_suit_the_picture(size: int, patch: int) -> None:
    shapes = shapes_of(EncoderSettings(encoder="vit_tiny", image_size=size))
    assert shapes["patch_embed.proj.weight"] == (192, 3, patch, patch)
    assert shapes["pos_embed"] == (1, 1 + (size // patch) ** 2, 192)


def test_a_transformer_attends_as_written_out() -> None:
    encoder = build_encoder(EncoderSettings(encoder="vit_tiny", image_size=32, patch=8)).eval()
    attention, tokens = encoder.blocks[0].attn, torch.randn(2, 17, 192)
    with torch.no_grad():
        qkv = attention.qkv(tokens).view(2, 17, 3, 3, 64)  # 3 heads of 64
        query, key, value = (qkv[:, :, part].transpose(1, 2) for part in range(3))
        weights = (query @ key.transpose(2, 3) / 64**0.5).softmax(dim=3)
        expected = attention.proj((weights @ value).transpose(1, 2).reshape(2, 17, 192))
        torch.testing.assert_close(attention(tokens), expected, atol=1e-5, rtol=1e-5)


def test_every_place_in_a_picture_has_a_position_of_its_own() -> None:
    positions = build_encoder(EncoderSettings(encoder="vit_tiny", image_size=64)).pos_embed[0, 1:].detach()
    distances = torch.cdist(positions, positions).view(8, 8, 8, 8)
    assert distances.flatten(2).flatten(0, 1).fill_diagonal_(1).min() > 0.5
    assert distances[2, 3, 2, 4] < distances[2, 3, 2, 6]  # neighbours are alike, along rows
    assert distances[2, 3, 3, 3] < distances[2, 3, 6, 3]  # and columns


def test_frozen_patches_are_not_trained() -> None:
    encoder = build_encoder(EncoderSettings(encoder="vit_tiny", image_size=32, frozen_patches=True))
    frozen = [name for name, weight in encoder.named_parameters() if not weight.requires_grad]
    assert frozen == ["patch_embed.proj.weight", "patch_embed.proj.bias"]


def test_one_seed_is_one_encoder() -> None:
    settings = EncoderSettings(encoder="vit_tiny", image_size=32)
    with torch.random.fork_rng(devices=[]):
        made = [(torch.manual_seed(0), build_encoder(settings))[1].state_dict() for _ in range(2)]
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"encoder": "resnet19"}, "encoder = 'resnet19' is unknown, expected one of resnet18"),
        ({"encoder": "vit_tiny", "image_size": 100}, "image_size = 100 cannot be cut into patches of 8 px"),
        ({"encoder": "vit_tiny", "image_size": 0}, "image_size = 0 cannot be cut"),
    ],
    ids=["name", "size", "no size"],
)
def test_an_encoder_that_cannot_be_is_refused_in_one_line(wrong: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_encoder(replace(EncoderSettings(image_size=64), **wrong))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(find_spec("timm") is not None, reason="timm is installed")
def test_without_timm_its_encoders_are_refused_with_the_command_that_brings_it() -> None:
    with pytest.raises(ConfigError, match=r"encoder timm:resnet18 needs timm.*pip install timm"):
        build_encoder(EncoderSettings(encoder="timm:resnet18", image_size=64))


def test_with_timm_its_encoders_take_the_weights_it_publishes() -> None:
    timm = pytest.importorskip("timm", reason="timm needs torchvision, which does not load beside the tested torch")
    for name in ("resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_100"):
        made = build_encoder(EncoderSettings(encoder=f"timm:{name}", image_size=64))
        assert made(torch.rand(2, 3, 64, 64)).shape == (2, made.features)
        assert made.published().keys() == timm.create_model(name, num_classes=0).state_dict().keys()
    with pytest.raises(ConfigError, match="timm cannot build the encoder 'nonsense'"):
        build_encoder(EncoderSettings(encoder="timm:nonsense", image_size=64))
