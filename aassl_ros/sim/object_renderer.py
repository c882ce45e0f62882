"""Draws single objects, without arm and table, over any background (for `aassl synth`).

The world frame is the optical frame of the camera: x right, y down, z forward, metres.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.catalogue import ObjectModel
from aassl_ros.sim.held_object import DrawnBody
from aassl_ros.sim.lens import Lens
from aassl_ros.sim.surface import Pattern
from aassl_ros.sim.tiny_renderer import Lamp, Renderings, TinyRenderer

# Pictures are drawn larger by this factor, then reduced by area averaging, so that edges are smooth.
_FINER = 2


class ObjectRenderer(TinyRenderer):
    """Draws objects of a catalogue. Close it, or use it in a `with` block."""

    def __init__(self, size: int) -> None:
        """size: width and height of the pictures, pixels. Raises SimulationError if PyBullet is missing."""
        super().__init__(size)
        self._body: DrawnBody | None = None
        self._radius = 0.0

    def set_object(self, model: ObjectModel) -> None:
        """Replace the object in front of the camera."""
        if self._body is not None:
            self._body.remove()
        self._body = DrawnBody(model.meshes, self._client)
        self._radius = model.radius

    def render(
        self, poses: NDArray[np.float64], fov_deg: float, lamp: Lamp, pattern: Pattern | None = None
    ) -> Renderings:
        """Draw the object at each of the poses [N, 7] (optical frame, m). fov_deg: field of view, degrees."""
        if self._body is None:
            raise ValueError("no object to draw: call set_object first")
        lens = Lens(poses, 1.1 * self._radius, fov_deg, self.size * _FINER)
        shrunk = [cv2.resize(self._frame(pose, lens, lamp, pattern), (self.size, self.size),
                             interpolation=cv2.INTER_AREA) for pose in poses]  # fmt: skip
        return Renderings(np.stack(shrunk).astype(np.uint8))

    def _frame(self, pose: NDArray[np.float64], lens: Lens, lamp: Lamp, pattern: Pattern | None) -> NDArray[np.uint8]:
        """One picture on black at full size, with the object's pixels opaque: uint8 [side, side, 4]."""
        assert self._body is not None
        self._body.place(pose)
        side = lens.side
        rgba, depths, bodies = self.shoot(lens, lamp, lamp.colour.tolist(), shadow=False)
        # By the bodies and not by depth: the depth of empty pixels is not exactly that of the far plane.
        seen = np.flatnonzero(bodies >= 0)
        visible = rgba[seen]
        if pattern is not None and pattern.kind != "plain":
            points = lens.points(seen, depths[seen], pose)
            visible[:, :3] = np.minimum(visible[:, :3] * pattern.factor(points), 255.0)
        visible[:, 3] = 255
        picture = np.zeros((side * side, 4), np.uint8)
        picture[seen] = visible
        return picture.reshape(side, side, 4)
