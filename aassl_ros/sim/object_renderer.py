"""Draws single objects, without arm and table, over any background (for `aassl synth`).

The world frame is the optical frame of the camera: x right, y down, z forward, metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.bullet import pybullet, require_pybullet
from aassl_ros.sim.catalogue import ObjectModel
from aassl_ros.sim.held_object import DrawnBody
from aassl_ros.sim.lens import Lens
from aassl_ros.sim.surface import Pattern

# Pictures are drawn larger by this factor, then reduced by area averaging, so that edges are smooth.
_FINER = 2


@dataclass(frozen=True)
class Lamp:
    """The light. towards: float64 [3], direction from the object to the lamp, in the camera's optical frame.

    ambient, diffuse, specular: intensities from 0 to 1. colour: float64 [3] from 0 to 1.
    """

    towards: NDArray[np.float64]
    ambient: float
    diffuse: float
    specular: float
    colour: NDArray[np.float64]


@dataclass(frozen=True)
class Renderings:
    """N pictures of an object on black. rgba: uint8 [N, S, S, 4]; alpha is the fraction of the pixel it covers."""

    rgba: NDArray[np.uint8]

    def over(self, background: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The pictures over a background, uint8 [N, S, S, 3] RGB.

        background: float32 from 0 to 1, [S, S, 3], or [N, S, S, 3] with one for each picture.
        """
        uncovered = 255.0 - self.rgba[..., 3:].astype(np.float32)
        mixed = self.rgba[..., :3] + uncovered * background + np.float32(0.5)
        return np.minimum(mixed, 255.0).astype(np.uint8)


class ObjectRenderer:
    """Draws objects of a catalogue. Close it, or use it in a `with` block."""

    def __init__(self, size: int) -> None:
        """size: width and height of the pictures, pixels. Raises SimulationError if PyBullet is missing."""
        require_pybullet()
        self.size = size
        self._client = pybullet.connect(pybullet.DIRECT)
        # Objects are added and removed: their meshes must not accumulate in the cache.
        pybullet.setPhysicsEngineParameter(enableFileCaching=0, physicsClientId=self._client)
        self._view = pybullet.computeViewMatrix([0, 0, 0], [0, 0, 1], [0, -1, 0])
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
        _, _, colours, depths, mask = pybullet.getCameraImage(
            side,
            side,
            self._view,
            lens.projection,
            lightDirection=lamp.towards.tolist(),
            lightColor=lamp.colour.tolist(),
            lightAmbientCoeff=lamp.ambient,
            lightDiffuseCoeff=lamp.diffuse,
            lightSpecularCoeff=lamp.specular,
            shadow=0,
            renderer=pybullet.ER_TINY_RENDERER,
            physicsClientId=self._client,
        )
        # By the mask and not by depth: the depth of empty pixels is not exactly that of the far plane.
        seen = np.flatnonzero(np.asarray(mask).reshape(-1) >= 0)
        visible = np.asarray(colours, dtype=np.uint8).reshape(-1, 4)[seen]
        if pattern is not None and pattern.kind != "plain":
            points = lens.points(seen, np.asarray(depths, dtype=np.float32).reshape(-1)[seen], pose)
            visible[:, :3] = np.minimum(visible[:, :3] * pattern.factor(points), 255.0)
        visible[:, 3] = 255
        picture = np.zeros((side * side, 4), np.uint8)
        picture[seen] = visible
        return picture.reshape(side, side, 4)

    def close(self) -> None:
        """Free the renderer. Only `close` may be called after this."""
        if self._client >= 0:
            pybullet.disconnect(self._client)
            self._client = -1

    def __enter__(self) -> ObjectRenderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
