"""Baselines of an encoder: the same encoder without training, and colour histograms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aassl_ros.data.prepared.arrays import Frames

_LEVELS = 4
"""Levels of each colour channel: 64 bins in total, few enough for a few hundred objects."""
_BATCH = 512


def colour_histogram(frames: Frames, chosen: NDArray[np.int64]) -> Tensor:
    """Compute histograms of 64 colours of the chosen frames: square roots of the shares, float32 [N, 64].

    frames: uint8 [F, S, S, 3]; chosen: int64 [N], indices into them.
    The root gives rare colours more weight, as in the Hellinger distance of histograms.
    """
    bins = _LEVELS**3
    weights = np.array([_LEVELS**2, _LEVELS, 1], np.int64)
    parts = []
    for start in range(0, len(chosen), _BATCH):
        images = frames[chosen[start : start + _BATCH]]
        colours = (images // (256 // _LEVELS)).reshape(len(images), -1, 3) @ weights
        colours += bins * np.arange(len(images))[:, None]
        counts = np.bincount(colours.ravel(), minlength=bins * len(images)).reshape(len(images), bins)
        parts.append(np.sqrt(counts / colours.shape[1]))
    return torch.from_numpy(np.concatenate(parts).astype(np.float32))


def random_encoder(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Call `build` with torch's generator at this seed; the generator's own state does not change."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
