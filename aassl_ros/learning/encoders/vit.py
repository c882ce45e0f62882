"""Vision transformers with timm's parameter names, so that its weights and DINO's load (Dosovitskiy et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders.dinov2_names import timm_names
from aassl_ros.learning.encoders.encoder import Encoder

_DEPTH, _HEAD = 12, 64  # blocks; entries of an attention head
_FIRST_SCALE = 1e-5  # of a new block's contribution, if it has scales (Touvron et al. 2021)
_WIDTHS = {"vit_tiny": 192, "vit_small": 384, "dinov2_small": 384, "dinov2_base": 768}
VITS = tuple(_WIDTHS)
DINOV2 = ("dinov2_small", "dinov2_base")
"""They have patches of 14 px and a trained scale after attention and perceptron (Oquab et al. 2023)."""
_DINOV2_PATCH = 14
PATCHES = (4, 8, 16)
_LEAST_GRID = 8  # patches along a side, if the patch size is chosen from the image size
_EPSILON = 1e-6  # of the norms, as published


class Attention(nn.Module):
    """Self-attention over tokens float [N, T, D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // _HEAD
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        count, length, width = tokens.shape
        qkv = self.qkv(tokens).reshape(count, length, 3, self.heads, _HEAD).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*qkv.unbind(0))
        return self.proj(mixed.transpose(1, 2).reshape(count, length, width))


class Perceptron(nn.Module):
    """The same two layers for every token, float [N, T, D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class Scale(nn.Module):
    """A trained factor for each entry of tokens float [N, T, D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), _FIRST_SCALE))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class Block(nn.Module):
    """Attention, then a perceptron, each with a layer norm and a shortcut: tokens float [N, T, D].

    scaled: both are multiplied by a trained factor before they are added.
    """

    def __init__(self, width: int, *, scaled: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=_EPSILON)
        self.attn = Attention(width)
        self.norm2 = nn.LayerNorm(width, eps=_EPSILON)
        self.mlp = Perceptron(width)
        self.ls1, self.ls2 = (Scale(width) if scaled else nn.Identity() for _ in range(2))

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))


class PatchEmbedding(nn.Module):
    """Turns each patch into a token, row by row: images float [N, 3, S, S] -> float [N, (S / patch)^2, D]."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, stride=patch)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images).flatten(2).transpose(1, 2)


class VisionTransformer(Encoder):
    """A transformer without its classifier: normalised images float [N, 3, S, S] -> class token float [N, D].

    name: vit_tiny (D = 192), vit_small or dinov2_small (384), dinov2_base (768). image_size: S in pixels.
    patch: its side in pixels; 0: the largest of 4, 8 and 16 that puts at least 8 along the image.
    frozen_patches: do not train the patch embedding; MoCo v3 does so for a stable start.
    Position embeddings are trained; they start as sines and cosines in both directions.
    Raises ConfigError if the image cannot be cut into such patches.
    """

    transformer = True

    def __init__(self, name: str, image_size: int, patch: int = 0, *, frozen_patches: bool = False) -> None:
        super().__init__()
        width, of_dinov2 = _WIDTHS[name], name in DINOV2
        patch = _DINOV2_PATCH if of_dinov2 else patch or _patch_for(image_size)
        if image_size < patch or image_size % patch:
            raise ConfigError(
                f"image_size = {image_size} cannot be cut into patches of {patch} px. Choose a multiple of {patch}, or "
                "another patch."
            )
        self.features, self.image_size, self.stride = width, image_size, patch
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * _EPSILON)
        self.patch_embed = PatchEmbedding(patch, width)
        self.pos_embed = nn.Parameter(_positions(image_size // patch, width))
        self.blocks = nn.Sequential(*[Block(width, scaled=of_dinov2) for _ in range(_DEPTH)])
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        self.patch_embed.requires_grad_(not frozen_patches)

    def layers(self) -> list[list[nn.Module]]:
        return [[self.patch_embed], *([block] for block in self.blocks), [self.norm]]

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(f"images are {tuple(images.shape)}, expected {self.image_size} x {self.image_size} pixels")
        patches = self.patch_embed(images)
        # Not len(images), which the export to ONNX would treat as a constant.
        tokens = torch.cat([self.cls_token.expand(images.shape[0], -1, -1), patches], dim=1) + self.pos_embed
        return self.norm(self.blocks(tokens)[:, 0])

    def from_published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Convert published weights; positions for another number of patches are interpolated."""
        adapted = timm_names(weights)
        positions = adapted.get("pos_embed")
        if positions is not None and positions.ndim == 3:
            adapted["pos_embed"] = resized_positions(positions, self.pos_embed.shape[1])
        return adapted


def _patch_for(image_size: int) -> int:
    return max((patch for patch in PATCHES if image_size >= _LEAST_GRID * patch), default=PATCHES[0])


def _positions(grid: int, width: int) -> Tensor:
    """Initial positions float [1, 1 + grid^2, width]: zeros (class token), then sines and cosines of each patch."""
    frequency = 10_000.0 ** -(torch.arange(width // 4) / (width // 4))
    angle = torch.arange(grid)[:, None] * frequency
    waves = torch.cat([angle.sin(), angle.cos()], dim=1)  # [grid, width / 2]
    along, down = waves.expand(grid, -1, -1), waves[:, None].expand(-1, grid, -1)
    patches = torch.cat([along, down], dim=2).reshape(grid**2, width)
    return torch.cat([torch.zeros(1, width), patches])[None]


def resized_positions(positions: Tensor, length: int) -> Tensor:
    """Interpolate positions float [1, 1 + g^2, D] to `length` tokens; if the patches form no square, return them as is.

    The class token's position is kept.
    """
    old, new = round((positions.shape[1] - 1) ** 0.5), round((length - 1) ** 0.5)
    if old == new or 1 + old**2 != positions.shape[1]:
        return positions
    grid = positions[:, 1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid.float(), size=(new, new), mode="bicubic", antialias=True, align_corners=False)
    patches = grid.to(positions.dtype).permute(0, 2, 3, 1).reshape(1, new**2, -1)
    return torch.cat([positions[:, :1], patches], dim=1)
