"""What renderers of single objects share: a PyBullet world with a camera at its origin, and one picture of it.

The world frame is the optical frame of the camera: x right, y down, z forward, metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.bullet import pybullet, require_pybullet
from aassl_ros.sim.lens import Lens

_R = TypeVar("_R", bound="TinyRenderer")


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


class Shot(NamedTuple):
    """One picture of P pixels: rgba uint8 [P, 4], depths float32 [P], bodies int [P] with -1 where nothing is."""

    rgba: NDArray[np.uint8]
    depths: NDArray[np.float32]
    bodies: NDArray[np.int64]


class TinyRenderer:
    """A PyBullet world drawn by its software renderer. Close it, or use it in a `with` block."""

    def __init__(self, size: int) -> None:
        """size: width and height of the pictures, pixels. Raises SimulationError if PyBullet is missing."""
        require_pybullet()
        self.size = size
        self._client = pybullet.connect(pybullet.DIRECT)
        # Objects are added and removed: their meshes must not accumulate in the cache.
        pybullet.setPhysicsEngineParameter(enableFileCaching=0, physicsClientId=self._client)
        self._view = pybullet.computeViewMatrix([0, 0, 0], [0, 0, 1], [0, -1, 0])

    def shoot(self, lens: Lens, lamp: Lamp, colour: list[float], *, shadow: bool) -> Shot:
        """Draw the world through a lens, in the light of a lamp but of the given colour [3], from 0 to 1."""
        _, _, rgba, depths, mask = pybullet.getCameraImage(
            lens.side,
            lens.side,
            self._view,
            lens.projection,
            lightDirection=lamp.towards.tolist(),
            lightColor=colour,
            lightAmbientCoeff=lamp.ambient,
            lightDiffuseCoeff=lamp.diffuse,
            lightSpecularCoeff=lamp.specular,
            shadow=int(shadow),
            renderer=pybullet.ER_TINY_RENDERER,
            physicsClientId=self._client,
        )
        return Shot(
            np.asarray(rgba, np.uint8).reshape(-1, 4),
            np.asarray(depths, np.float32).reshape(-1),
            np.asarray(mask).reshape(-1),
        )

    def close(self) -> None:
        """Free the renderer. Only `close` may be called after this."""
        if self._client >= 0:
            pybullet.disconnect(self._client)
            self._client = -1

    def __enter__(self: _R) -> _R:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
