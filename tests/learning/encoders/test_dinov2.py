"""DINOv2's encoders: the published names and shapes, of the authors and of Hugging Face."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.learning.encoders.backbone import adopt_weights
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder

SETTINGS = EncoderSettings(encoder="dinov2_small", image_size=56)


def published() -> dict[str, Tensor]:
    """Random weights with the names and shapes of the authors' file `dinov2_vits14_pretrain`."""
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(value.shape, generator=generator)
        for name, value in build_encoder(SETTINGS).published().items()
    }
    weights["pos_embed"] = torch.randn(1, 1 + 37 * 37, 384, generator=generator)  # 518 px
    weights["mask_token"] = torch.zeros(1, 384)
    return weights


def hugging_face(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights as `Dinov2Model` of Hugging Face names them."""
    names = {
        "cls_token": "embeddings.cls_token",
        "mask_token": "embeddings.mask_token",
        "pos_embed": "embeddings.position_embeddings",
        "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
        "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
        "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
    }
    found = {theirs: weights[ours] for ours, theirs in names.items()}
    for block in range(12):
        ours, theirs = f"blocks.{block}.", f"encoder.layer.{block}."
        for kind in ("weight", "bias"):
            for part, value in zip(
                ("query", "key", "value"), weights[f"{ours}attn.qkv.{kind}"].chunk(3), strict=True
            ):  # three matrices of equal height
                found[f"{theirs}attention.attention.{part}.{kind}"] = value
            found[f"{theirs}attention.output.dense.{kind}"] = weights[f"{ours}attn.proj.{kind}"]
            for same in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                found[f"{theirs}{same}.{kind}"] = weights[f"{ours}{same}.{kind}"]
        for number in (1, 2):
            found[f"{theirs}layer_scale{number}.lambda1"] = weights[f"{ours}ls{number}.gamma"]
    return found


def test_files_of_the_authors_and_of_hugging_face_make_the_same_encoder(tmp_path: Path) -> None:
    weights = published()
    for name, content in (("authors", weights), ("face", hugging_face(weights))):
        save_file({key: value.contiguous() for key, value in content.items()}, tmp_path / f"{name}.safetensors")
    first, second = (
        adopt_weights(tmp_path / f"{name}.safetensors", SETTINGS, "imagenet")[0].encoder for name in ("authors", "face")
    )
    images = torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        features = first(images)
        assert features.shape == (2, 384)
        assert torch.equal(features, second(images))
    assert torch.equal(first.blocks[3].ls2.gamma, weights["blocks.3.ls2.gamma"])


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    content = hugging_face(published())
    del content["encoder.layer.5.attention.attention.key.bias"]
    save_file({key: value.contiguous() for key, value in content.items()}, tmp_path / "part.safetensors")
    with pytest.raises(CheckpointError, match=r"does not fit dinov2_small .*missing blocks\.5\.attn\.qkv\.bias"):
        adopt_weights(tmp_path / "part.safetensors", SETTINGS, "imagenet")


def test_images_that_cannot_be_cut_into_patches_of_14_px_are_one_line() -> None:
    with pytest.raises(
        ConfigError, match=r"image_size = 64 cannot be cut into patches of 14 px\. Choose a multiple of 14"
    ):
        build_encoder(EncoderSettings(encoder="dinov2_small", image_size=64))
