"""The simulated camera: its pose, its matrices, and projection to pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.motion.rotations import from_matrix

# Nothing nearer or farther than this is drawn, metres.
NEAR_M = 0.05
FAR_M = 6.0


def zoomed_fov_deg(fov_deg: float, zoom: float) -> float:
    """Return the field of view, in degrees, of a lens with `zoom` times the focal length."""
    return float(2 * np.degrees(np.arctan(np.tan(np.radians(fov_deg) / 2) / zoom)))


@dataclass(frozen=True)
class Camera:
    """A pinhole camera at `position` that looks at `target` (both [3], metres, in one frame).

    fov_deg: field of view, degrees. size: width and height of the picture, pixels; pixels are square.
    """

    position: NDArray[np.float64]
    target: NDArray[np.float64]
    fov_deg: float
    size: int

    def pose(self) -> NDArray[np.float64]:
        """Pose [7] of the optical frame (x right, y down, z forward) in the frame of position and target."""
        forward = self.target - self.position
        forward = forward / np.linalg.norm(forward)
        # If the camera looks straight up or down, the x axis points upward in its picture.
        up = [0.0, 0.0, 1.0] if abs(forward[2]) < 0.999 else [1.0, 0.0, 0.0]
        right = np.cross(forward, up)
        right = right / np.linalg.norm(right)
        rotation = np.column_stack([right, np.cross(forward, right), forward])
        return np.concatenate([self.position, from_matrix(rotation)])

    def matrix(self) -> NDArray[np.float64]:
        """The intrinsic matrix [3, 3] in pixels. The centre of the first pixel is (0, 0), as in OpenCV and ROS."""
        focal = self.size / 2 / np.tan(np.radians(self.fov_deg) / 2)
        middle = (self.size - 1) / 2
        return np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]])

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Pixels [..., 2] (column, row) of points [..., 3] in the optical frame, metres."""
        pixels = np.asarray(points, dtype=np.float64) @ self.matrix().T
        return pixels[..., :2] / pixels[..., 2:]
