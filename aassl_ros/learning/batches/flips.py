"""Flips left to right of whole pairs: the action between the two frames is mirrored with them.

A mirrored picture shows a mirrored world. With M = diag(-1, 1, 1) in the camera's optical frame (x to the right), a
position p becomes M p and a rotation R becomes M R M. This holds if the camera's optical axis passes through the centre
of the picture, as it does after `to_square`.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.settings import PairSettings

FLIPS = 3
"""Number of the random stream of flips (see ablations.stream)."""
# A rotation axis v is mirrored to M v, and the rotation about it changes its direction, so a rotation vector becomes
# -M v. Entry i, j of a matrix changes its sign if exactly one of i and j is 0; 6D is the first column, then the second.
_SIGNS = {
    "vector": (1, -1, -1),
    "6d": (1, -1, -1, -1, 1, 1),
    "translation": (-1, 1, 1),
}


class Flips:
    """Flips a share of the pairs. For `classic` pairs, which have no action, each image is drawn on its own."""

    def __init__(self, settings: PairSettings, space: ActionSpace | None) -> None:
        """space: of the actions, with its components named. Raises ConfigError if it cannot be mirrored."""
        self._probability, self._together = settings.flip_probability, settings.pair_kind != "classic"
        self._signs = mirror_signs(space) if space is not None and self._probability else None

    def draw(self, count: int, rng: Callable[[], np.random.Generator]) -> NDArray[np.bool_]:
        """Draw which first and which second images are flipped, bool [2, count].

        rng: makes the generator; it is called only if any image may be flipped.
        """
        if self._probability == 0:
            return np.zeros((2, count), bool)
        flipped = rng().random((2, count)) < self._probability
        return np.stack([flipped[0], flipped[0]]) if self._together else flipped

    def actions(self, actions: NDArray[np.float32], flipped: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Mirror the actions of flipped pairs (bool [N]). actions: [N, A], not normalised."""
        return actions if self._signs is None else np.where(flipped[:, None], actions * self._signs, actions)


def check_pairs(settings: PairSettings, uses_actions: bool) -> None:
    """Raise ConfigError if the method uses actions and the pairs are views of one frame."""
    if uses_actions and settings.pair_kind == "classic":
        raise ConfigError(
            f"pairs = classic, but {settings.method} uses actions, and there is no action between two views of one "
            "frame. Set pairs to combined or time."
        )


def mirror_signs(space: ActionSpace) -> NDArray[np.float32]:
    """Return the factor of each entry of an action that mirrors it, 1 or -1: float32 [A].

    space: with its components named. Raises ConfigError if it is not known how to mirror its actions.
    """
    if space.name in ("time", "turn_size"):
        return np.ones(1, np.float32)
    if space.name != "object_pose" or not {"rotation", "translation"}.issuperset(space.components):
        raise ConfigError(
            f"flip_probability is above 0, but actions of {space} cannot be "
            "mirrored. Set it to 0, or choose the action space object_pose without other components."
        )
    parts = [_SIGNS[space.rotation]] if "rotation" in space.components else []
    parts += [_SIGNS["translation"]] if "translation" in space.components else []
    return np.concatenate(parts).astype(np.float32)


def mirror_images(images: NDArray[np.uint8] | Tensor, rows: NDArray[np.int64]) -> None:
    """Flip some images left to right, in place.

    Args:
        images: uint8 [N, H, W, 3].
        rows: int64 [n], the images to flip.
    """
    if isinstance(images, Tensor):
        index = torch.from_numpy(rows).to(images.device)
        images[index] = images[index].flip(2)
        return
    for row in rows:
        images[row] = cv2.flip(images[row], 1)
