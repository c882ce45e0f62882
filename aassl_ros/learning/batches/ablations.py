"""Ablations: batches that are corrupted on purpose, to measure what a method loses. For studies only.

The random numbers depend only on the batch's pairs and the seed. So a run draws the same pairs as without an ablation,
and a resumed run draws the same corrupted batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aassl_ros.settings import setting

CONTROLS = ("none", "actions_shuffled", "images_shuffled")
_STREAM = 2  # number of the random stream; the normalisation of actions uses 1


@dataclass(frozen=True)
class AblationSettings:
    """How each batch is corrupted; the defaults do not change it."""

    control: str = setting(
        "none",
        "For studies: give each pair the action, or the second image, of another pair of its batch.",
        choices=CONTROLS,
    )
    action_noise: float = setting(
        0.0, "For studies: standard deviation of noise added to normalised actions.", minimum=0, maximum=1000
    )
    action_precision: float = setting(
        0.0, "For studies: step to which normalised actions are rounded; 0: no rounding.", minimum=0, maximum=1000
    )


def stream(
    first: NDArray[np.int64], second: NDArray[np.int64], seed: int, number: int = _STREAM
) -> np.random.Generator:
    """Make the random generator of one batch, from its pairs of frames (int64 [N] each) and the seed.

    number: distinguishes several generators of one batch.
    """
    return np.random.default_rng((seed, number, crc32(first.tobytes()), crc32(second.tobytes())))


def derangement(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw a permutation int64 [count] that moves every element: one random cycle.

    Raises ValueError if count is below 2.
    """
    if count < 2:
        raise ValueError(f"a derangement of {count}, expected 2 or more")
    order = rng.permutation(count)
    moved = np.empty(count, np.int64)
    moved[order] = np.roll(order, 1)
    return moved


def corrupt_actions(
    actions: NDArray[np.float32], controls: AblationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Corrupt normalised actions float32 [N, A] as the settings ask: shuffle, then add noise, then round."""
    if controls.control == "actions_shuffled":
        actions = actions[derangement(len(actions), rng)]
    if controls.action_noise:
        actions = actions + np.float32(controls.action_noise) * rng.standard_normal(actions.shape, np.float32)
    if controls.action_precision:
        step = np.float32(controls.action_precision)
        actions = np.round(actions / step) * step
    return actions
