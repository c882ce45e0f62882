"""Draws household objects in a gripper: PyBullet gives shape, shading and shadows; the surface is coloured by pixel.

The world frame is the optical frame of the camera: x right, y down, z forward, metres.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.catalogue import ColouredMesh
from aassl_ros.sim.held_object import DrawnBody
from aassl_ros.sim.household.gripper import Gripper
from aassl_ros.sim.household.objects import HouseholdObject
from aassl_ros.sim.household.surfaces import surface_colours
from aassl_ros.sim.lens import Lens
from aassl_ros.sim.tiny_renderer import Lamp, Renderings, TinyRenderer

# Pictures are drawn larger by this factor, then reduced by area averaging, so that edges are smooth.
_FINER = 1.25
# Bodies are drawn in this gray: the brightness of a pixel divided by it is the light that the pixel gets.
_GRAY = 0.5
# Light from which a glossy surface shows a highlight, and its steepness.
_HIGHLIGHT, _STEEP = 0.95, 2.0
_GRIPPER_GLOSS = 0.3


class HouseholdRenderer(TinyRenderer):
    """Draws household objects. Close it, or use it in a `with` block."""

    def __init__(self, size: int) -> None:
        """size: width and height of the pictures, pixels. Raises SimulationError if PyBullet is missing."""
        super().__init__(size)
        self._model: HouseholdObject | None = None
        self._gripper: Gripper | None = None
        self._object_body: DrawnBody | None = None
        self._gripper_body: DrawnBody | None = None

    def set_object(self, model: HouseholdObject) -> None:
        """Replace the object in front of the camera."""
        if self._object_body is not None:
            self._object_body.remove()
        gray = (_GRAY, _GRAY, _GRAY, 1.0)
        meshes = [ColouredMesh(part.mesh, gray) for part in model.parts]
        self._object_body = DrawnBody(meshes, self._client, cpu_only=True)
        self._model = model

    def set_gripper(self, gripper: Gripper | None) -> None:
        """Replace the gripper, or remove it."""
        if self._gripper_body is not None:
            self._gripper_body.remove()
            self._gripper_body = None
        self._gripper = gripper
        if gripper is not None:
            gray = (_GRAY, _GRAY, _GRAY, 1.0)
            meshes = [ColouredMesh(part.mesh, gray) for part in gripper.meshes]
            self._gripper_body = DrawnBody(meshes, self._client, cpu_only=True)

    def render(
        self,
        poses: NDArray[np.float64],
        fov_deg: float,
        lamps: Sequence[Lamp],
        grasps: NDArray[np.float64] | None = None,
    ) -> Renderings:
        """Draw the object at each of the poses [N, 7] (optical frame, m).

        Args:
            poses: of the object.
            fov_deg: field of view, degrees.
            lamps: one or more; the first one casts shadows.
            grasps: [N, 7], poses of the gripper, if there is one.
        """
        if self._model is None:
            raise ValueError("no object to draw: call set_object first")
        reach = 1.1 * self._model.radius if self._gripper is None else 4.0 * self._model.radius
        lens = Lens(poses, reach, fov_deg, round(self.size * _FINER))
        shrunk = []
        for number, pose in enumerate(poses):
            picture = self._frame(pose, lens, lamps, None if grasps is None else grasps[number])
            shrunk.append(cv2.resize(picture, (self.size, self.size), interpolation=cv2.INTER_AREA))
        return Renderings(np.stack(shrunk).astype(np.uint8))

    def _frame(
        self, pose: NDArray[np.float64], lens: Lens, lamps: Sequence[Lamp], grasp: NDArray[np.float64] | None
    ) -> NDArray[np.float32]:
        """One picture on black at full size: float32 [side, side, 4] from 0 to 255."""
        assert self._model is not None
        assert self._object_body is not None
        self._object_body.place(pose)
        if self._gripper_body is not None and grasp is not None:
            self._gripper_body.place(grasp)
        light, depths, bodies = self._light(lens, lamps)
        seen = np.flatnonzero(bodies >= 0)
        bodies, light = bodies[seen], light[seen]
        colours = np.zeros((len(seen), 3), np.float32)
        gloss = np.full(len(seen), _GRIPPER_GLOSS, np.float32)
        points = lens.points(seen, depths[seen], pose)
        for body, part in zip(self._object_body.bodies, self._model.parts, strict=True):
            here = np.flatnonzero(bodies == body)
            if len(here):
                colours[here] = surface_colours(self._model, part, points[here])
                gloss[here] = part.material.gloss
        if self._gripper_body is not None and self._gripper is not None:
            for body, mesh in zip(self._gripper_body.bodies, self._gripper.meshes, strict=True):
                colours[bodies == body] = mesh.rgba[:3]
        highlight = np.clip((light - _HIGHLIGHT) * _STEEP, 0.0, 1.0) ** 2 * gloss[:, None]
        picture = np.zeros((lens.side * lens.side, 4), np.float32)
        picture[seen, :3] = np.clip(colours * np.minimum(light, 1.4) + highlight, 0.0, 1.0) * 255.0
        picture[seen, 3] = 255.0
        return picture.reshape(lens.side, lens.side, 4)

    def _light(
        self, lens: Lens, lamps: Sequence[Lamp]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """The light at each pixel [P, 3], the depths [P], and the numbers of the bodies [P], -1 for none."""
        total = np.zeros((lens.side * lens.side, 3), np.float32)
        for number, lamp in enumerate(lamps):
            rgba, depths, bodies = self.shoot(lens, lamp, [1.0, 1.0, 1.0], shadow=number == 0)
            level = rgba[:, :1].astype(np.float32) / np.float32(255 * _GRAY)
            total += level * lamp.colour.astype(np.float32)
        return total, depths, bodies
