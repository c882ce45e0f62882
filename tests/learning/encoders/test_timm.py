"""Encoders of timm are recognized by their modules. timm itself does not load with the tested torch: it is stood
in for by a module with its two functions and small models that are built, and whose parts are named, like its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.encoders.pretrained import pretrained_backbone
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner


class Attention(nn.Module):
    """As in timm's vision transformers."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens).chunk(3, dim=-1)
        return self.proj(nn.functional.scaled_dot_product_attention(query, key, value))


class ClassAttn(Attention):
    """As in timm's CaiT."""


class WindowAttention(Attention):
    """As in timm's Swin."""


class VisionTransformer(nn.Module):
    def __init__(self, img_size: int, attention: type[Attention] = Attention) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 16, img_size // 4, img_size // 4)
        self.feature_info = [{"reduction": img_size // 4}]
        self.cls_token, self.pos_embed = nn.Parameter(torch.zeros(1, 1, 16)), nn.Parameter(torch.zeros(1, 17, 16))
        self.blocks, self.norm = nn.Sequential(attention(16), attention(16)), nn.LayerNorm(16)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patch_embed(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1) + self.pos_embed
        return self.norm(tokens + self.blocks(tokens)).mean(dim=1)


class ResNet(nn.Module):
    """Halves the picture five times, as timm's do: one pixel is left of 32, and the last stride walks over one of 16.

    It takes no img_size.
    """

    def __init__(self, pool: bool = False) -> None:
        super().__init__()
        widths = [3, 8, 8, 8, 16, 16]
        self.feature_info = [{"reduction": 2**depth} for depth in range(1, 6)]
        self.stages = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in pairwise(widths))
        )
        # CLIP's ResNets end in attention, and are convolutional networks all the same.
        self.attn_pool = Attention(16) if pool else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        return self.attn_pool(self.stages(images).flatten(2).transpose(1, 2)).mean(dim=1)


class FeatureMap(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv(images)


MODELS: dict[str, Callable[..., nn.Module]] = {
    "deit_tiny_patch16_224": VisionTransformer,
    "swin_tiny_patch4_window7_224": lambda img_size: VisionTransformer(img_size, WindowAttention),
    "cait_xxs24_224": lambda img_size: VisionTransformer(img_size, ClassAttn),
    "resnet18": ResNet,
    "resnet50_clip": lambda: ResNet(pool=True),
    "nameless": FeatureMap,
}
TRANSFORMERS = ["deit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "cait_xxs24_224"]


@pytest.fixture(autouse=True)
def timm(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_model(name: str, pretrained: bool, num_classes: int, **options: Any) -> nn.Module:
        assert num_classes == 0
        model = MODELS[name](**options)
        if pretrained:
            model.pretrained_cfg = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
            with torch.no_grad():
                for weight in model.parameters():
                    weight.fill_(0.01)
        return model

    module: Any = ModuleType("timm")
    module.is_model, module.create_model = MODELS.__contains__, create_model
    monkeypatch.setitem(sys.modules, "timm", module)


def settings(name: str, **values: Any) -> LearnerSettings:
    return replace(LearnerSettings(encoder=f"timm:{name}", image_size=32, batch=8, device="cpu"), **values)


def hidden_layers(learner: Learner) -> int:
    """Of MoCo v3's projector: two behind a transformer, one behind a ResNet, as published."""
    projector = learner.objective["base"].projector
    return sum(isinstance(module, nn.Linear) for module in projector.modules()) - 1


@pytest.mark.parametrize(("name", "transformer"), [*((name, True) for name in TRANSFORMERS), ("resnet18", False),
                                                   ("resnet50_clip", False)])  # fmt: skip
def test_a_model_with_attention_is_a_transformer_and_gets_its_projector(name: str, transformer: bool) -> None:
    learner = Learner(settings(name, method="mocov3"))
    assert learner.encoder.transformer is transformer
    assert hidden_layers(learner) == (2 if transformer else 1)


def test_bf16_is_refused_if_a_model_of_timm_strides_over_single_pixels() -> None:
    with pytest.raises(ConfigError, match="precision = 'bf16', but for images of 16 px"):
        Learner(settings("resnet18", method="simclr", precision="bf16", image_size=16))
    Learner(settings("resnet18", method="simclr", precision="bf16", image_size=32))
    Learner(settings("deit_tiny_patch16_224", method="simclr", precision="bf16", image_size=16))


@pytest.mark.parametrize("name", ["deit_tiny_patch16_224", "resnet18"])
def test_models_of_timm_learn_and_keep_the_names_of_their_weights(name: str) -> None:
    learner = Learner(settings(name, method="aa_simclr"), action_dimension=3)
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 8, 32, 32, 3), dtype=np.uint8)
    losses = learner.step(first, second, rng.normal(size=(8, 3)).astype(np.float32))
    assert np.isfinite(losses.total)
    published = learner.encoder.published()
    assert not any(weight.startswith("model.") for weight in published)
    again = learner.encoder.from_published(published)
    assert {key: value.shape for key, value in again.items()} == {
        key: value.shape for key, value in learner.encoder.state_dict().items()
    }


def test_the_mode_of_training_is_restored_after_a_model_was_inspected() -> None:
    encoder = build_encoder(EncoderSettings(encoder="timm:resnet18", image_size=32))
    before = {name: buffer.clone() for name, buffer in encoder.named_buffers()}
    assert encoder.training
    encoder.strides_over_single_pixels(16)
    assert encoder.training
    assert all(torch.equal(buffer, before[name]) for name, buffer in encoder.named_buffers())


@pytest.mark.parametrize(("name", "message"), [
    ("nonsense", "timm cannot build the encoder 'nonsense' for 32 px .unknown name."),
    ("nameless", r"timm's nameless returns features of shape \(1, 4, 30, 30\)"),
])  # fmt: skip
def test_what_makes_no_features_is_refused_by_name(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_encoder(EncoderSettings(encoder=f"timm:{name}", image_size=32))


@pytest.mark.parametrize(("name", "size"), [("deit_tiny_patch16_224", 64), ("resnet18", 0)])
def test_pretrained_weights_of_timm_fit_the_size_of_the_images(name: str, size: int) -> None:
    backbone = pretrained_backbone(f"pretrained:timm:{name}" + (f":{size}" if size else ""))
    assert (backbone.settings.encoder, backbone.settings.image_size) == (f"timm:{name}", size or 128)
    assert backbone.pixel_statistics == "imagenet"
    assert all(bool((weight == 0.01).all()) for weight in backbone.encoder.parameters())
    learner = Learner(settings(name, method="simclr", weights="pretrained", pixel_statistics="imagenet",
                               image_size=size or 32))  # fmt: skip
    assert all(bool((weight == 0.01).all()) for weight in learner.encoder.parameters())


def test_layers_of_timm_can_be_frozen_from_below() -> None:
    encoder = build_encoder(EncoderSettings(encoder="timm:deit_tiny_patch16_224", image_size=32))
    assert len(encoder.layers()) == 4  # patches, two blocks, norm
    learner = Learner(settings("deit_tiny_patch16_224", method="simclr", frozen_layers=2))
    trained = {name for name, weight in learner.encoder.model.named_parameters() if weight.requires_grad}
    assert trained
    assert {name.split(".")[0] for name in trained} == {"blocks", "norm"}
    assert not any(name.startswith("blocks.0") for name in trained)


def test_images_smaller_than_the_stride_of_a_model_of_timm_are_refused() -> None:
    with pytest.raises(ConfigError, match="image_size = 16, but timm:resnet18 needs images of 32 px or more"):
        Learner(settings("resnet18", method="simclr", weights="pretrained", pixel_statistics="imagenet", image_size=16))


def test_positions_of_another_number_of_patches_are_interpolated() -> None:
    encoder = build_encoder(EncoderSettings(encoder="timm:deit_tiny_patch16_224", image_size=32))
    weights = {**encoder.published(), "pos_embed": torch.ones(1, 1 + 7 * 7, 16)}
    assert torch.allclose(encoder.from_published(weights)["model.pos_embed"], torch.ones(1, 17, 16))


def test_a_name_that_timm_has_no_weights_of_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"timm has no pretrained weights of 'nonsense' here \(unknown name\)"):
        pretrained_backbone("pretrained:timm:nonsense")
