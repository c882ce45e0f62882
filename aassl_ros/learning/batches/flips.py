"""Flips left to right: drawn for whole pairs, because what leads from one frame to the other is mirrored with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.mirror import mirror_signs
from aassl_ros.learning.batches.settings import PairSettings

FLIPS = 3
"""Their stream of the seed (see controls.stream)."""


class Flips:
    """Flips a share of the pairs; with `classic` pairs, which have no action, each image on its own."""

    def __init__(self, settings: PairSettings, space: ActionSpace | None) -> None:
        """space: of the actions, components spelt out. Raises ConfigError where it cannot be mirrored."""
        self._probability, self._together = settings.flip_probability, settings.pair_kind != "classic"
        self._signs = mirror_signs(space) if space is not None and self._probability else None

    def draw(self, count: int, rng: Callable[[], np.random.Generator]) -> NDArray[np.bool_]:
        """bool [2, count]: which first and which second images are flipped. rng: asked for where any may be."""
        if self._probability == 0:
            return np.zeros((2, count), bool)
        flipped = rng().random((2, count)) < self._probability
        return np.stack([flipped[0], flipped[0]]) if self._together else flipped

    def actions(self, actions: NDArray[np.float32], flipped: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Actions [N, A], not normalised, those of flipped pairs (bool [N]) as they are in the mirror."""
        return actions if self._signs is None else np.where(flipped[:, None], actions * self._signs, actions)


def check_pairs(settings: PairSettings, uses_actions: bool) -> None:
    """Raise ConfigError where pairs of one frame are to teach what an action does."""
    if uses_actions and settings.pair_kind == "classic":
        raise ConfigError(
            f"pairs = classic, but {settings.method} learns from actions, and nothing happens between two views of "
            "one frame. Take combined or time."
        )
