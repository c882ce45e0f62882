"""The names of DINOv2's weights: Hugging Face's in place of timm's, and what only its training needed."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_ONLY_FOR_TRAINING = ("mask_token", "embeddings.mask_token")
_BEFORE_ALL = "dinov2."  # of a model with a head on top
_RENAMED = (
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^layernorm\.", "norm."),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
)
_PART = re.compile(r"^(blocks\.\d+)\.attention\.attention\.(query|key|value)\.(weight|bias)$")


def timm_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a vision transformer to timm's names, which the authors of DINOv2 use, too.

    Args:
        weights: by the names of timm, of the authors, or of Hugging Face's `Dinov2Model`.

    Returns:
        The weights by timm's names, without the token of masked patches. Other weights stay as they are.
    """
    renamed: dict[str, Tensor] = {}
    for name, value in weights.items():
        new = name.removeprefix(_BEFORE_ALL)
        if new in _ONLY_FOR_TRAINING:
            continue
        for pattern, replacement in _RENAMED:
            new = re.sub(pattern, replacement, new)
        renamed[new] = value
    parts = {name: found for name in renamed if (found := _PART.match(name))}
    for block, kind in dict.fromkeys((found[1], found[3]) for found in parts.values()):
        names = [f"{block}.attention.attention.{part}.{kind}" for part in ("query", "key", "value")]
        if all(name in renamed for name in names):  # else the missing one is named by whoever loads them
            renamed[f"{block}.attn.qkv.{kind}"] = torch.cat([renamed.pop(name) for name in names])
    return renamed
