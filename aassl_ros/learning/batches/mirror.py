"""Pairs seen in a mirror: pictures flipped left to right, and what that makes of the action between them.

A mirrored picture is one of a mirrored world: with M = diag(-1, 1, 1) in the camera's optical frame (x to the right) a
position p becomes M p and a rotation R becomes M R M. This holds where the camera's axis meets the middle of the
picture, as `to_square` leaves it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.errors import ConfigError

# An axis of turning is mirrored as M v and the turn about it goes the other way round: -M v. In a matrix, entry i, j
# changes its sign where just one of i and j is 0; 6D is the first column, then the second.
_SIGNS = {
    "vector": (1, -1, -1),
    "6d": (1, -1, -1, -1, 1, 1),
    "translation": (-1, 1, 1),
}


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
