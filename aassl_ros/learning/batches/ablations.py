"""Controls: batches spoilt on purpose, to see what a method loses with them. For studies; nobody trains so.

What is drawn here depends on the batch's pairs and the seed alone. So a run draws the very pairs that it draws without
a control, and one that goes on after an interruption meets the same spoilt batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aassl_ros.settings import setting

CONTROLS = ("none", "actions_shuffled", "images_shuffled")
_STREAM = 2  # of the seed: 1 is that of the actions' normalisation


@dataclass(frozen=True)
class AblationSettings:
    """What is spoilt of each batch; the defaults leave it as it is."""

    control: str = setting(
        "none",
        "For studies: give each pair the action, or the second image, of another pair of its batch.",
        choices=CONTROLS,
    )
    action_noise: float = setting(
        0.0, "For studies: standard deviation of noise on normalised actions.", minimum=0, maximum=1000
    )
    action_precision: float = setting(
        0.0, "For studies: step to which normalised actions are rounded; 0: not at all.", minimum=0, maximum=1000
    )


def stream(
    first: NDArray[np.int64], second: NDArray[np.int64], seed: int, number: int = _STREAM
) -> np.random.Generator:
    """The generator of one batch: of its pairs of frames, int64 [N] each, and the seed. number: which of several."""
    return np.random.default_rng((seed, number, crc32(first.tobytes()), crc32(second.tobytes())))


def derangement(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A permutation int64 [count] that leaves nothing in its place: one random cycle. Raises ValueError below 2."""
    if count < 2:
        raise ValueError(f"{count} cannot be put in another place: a derangement needs two")
    order = rng.permutation(count)
    moved = np.empty(count, np.int64)
    moved[order] = np.roll(order, 1)
    return moved


def corrupt_actions(
    actions: NDArray[np.float32], controls: AblationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Normalised actions [N, A] as the settings ask for them: of other pairs, then noisy, then rounded."""
    if controls.control == "actions_shuffled":
        actions = actions[derangement(len(actions), rng)]
    if controls.action_noise:
        actions = actions + np.float32(controls.action_noise) * rng.standard_normal(actions.shape, np.float32)
    if controls.action_precision:
        step = np.float32(controls.action_precision)
        actions = np.round(actions / step) * step
    return actions
