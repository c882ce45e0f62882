"""The lens of a rendered picture: PyBullet's projection matrix, and from depths back to points of the object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.rotations import to_matrix
from aassl_ros.sim.bullet import pybullet


class Lens:
    """A pinhole camera for PyBullet: field of view (degrees), `side` pixels wide and high, near and far planes (m)."""

    def __init__(self, poses: NDArray[np.float64], margin: float, fov_deg: float, side: int) -> None:
        """The planes lie `margin` m in front of and behind the poses [N, 7]."""
        self.side = side
        self._near = max(0.01, float(poses[:, 2].min()) - margin)
        self._far = float(poses[:, 2].max()) + margin
        self._step = np.float32(2.0 * np.tan(np.radians(fov_deg) / 2) / side)
        self.projection = list(pybullet.computeProjectionMatrixFOV(fov_deg, 1.0, self._near, self._far))
        # The renderer samples the corner of each pixel. Shifted by half a pixel, it samples the centre.
        self.projection[8] = self.projection[9] = 1.0 / side

    def points(
        self, pixels: NDArray[np.int64], depths: NDArray[np.float32], pose: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Points of the object at these pixels, in the object's frame: float32 [P, 3], m.

        pixels: int64 [P], numbered row by row. depths: float32 [P] from the renderer, 0 at the near plane and 1 at the
        far plane. pose: [7], of the object.
        """
        distance = self._near * self._far / (self._far - (self._far - self._near) * depths)
        row, column = np.divmod(pixels, self.side)
        middle = (self.side - 1) / 2
        points = np.empty((len(pixels), 3), np.float32)
        points[:, 0] = (column - middle) * self._step * distance - pose[0]
        points[:, 1] = (row - middle) * self._step * distance - pose[1]
        points[:, 2] = distance - pose[2]
        return points @ to_matrix(pose[3:]).astype(np.float32)
