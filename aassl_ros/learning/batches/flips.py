"""Flips left to right, drawn for whole pairs: the action between the two frames is mirrored with them.

A mirrored picture is one of a mirrored world: with M = diag(-1, 1, 1) in the camera's optical frame (x to the right) a
position p becomes M p and a rotation R becomes M R M. This holds if the camera's axis meets the middle of the picture,
as `to_square` leaves it.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.settings import PairSettings

FLIPS = 3
"""Their stream of the seed (see controls.stream)."""
# An axis of turning is mirrored as M v and the turn about it goes the other way round: -M v. In a matrix, entry i, j
# changes its sign where just one of i and j is 0; 6D is the first column, then the second.
_SIGNS = {
    "vector": (1, -1, -1),
    "6d": (1, -1, -1, -1, 1, 1),
    "translation": (-1, 1, 1),
}


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


def mirror_signs(space: ActionSpace) -> NDArray[np.float32]:
    """What each entry of an action of this space, its components spelt out, is multiplied by in a mirror: float32 [A].

    Raises ConfigError for a space whose action in the mirrored world is not known.
    """
    if space.name in ("time", "turn_size"):
        return np.ones(1, np.float32)
    if space.name != "object_pose" or not {"rotation", "translation"}.issuperset(space.components):
        raise ConfigError(
            f"flip_probability is above 0, but what {space.name} ({', '.join(space.components)}) would be in a "
            "mirrored picture is not known. Set it to 0, or take the action space object_pose without other components."
        )
    parts = [_SIGNS[space.rotation]] if "rotation" in space.components else []
    parts += [_SIGNS["translation"]] if "translation" in space.components else []
    return np.concatenate(parts).astype(np.float32)


def mirror_images(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> None:
    """Flip some of the images uint8 [N, H, W, 3] left to right, in place."""
    for row in rows:
        images[row] = cv2.flip(images[row], 1)
