"""Objects that PyBullet draws: bodies without mass or contact, placed before each frame."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.bullet import pybullet
from aassl_ros.sim.catalogue import ColouredMesh, ObjectModel
from aassl_ros.sim.categories.shapes import Mesh, shaded, tube
from aassl_ros.sim.mesh_files import write_obj

_STEM_RADIUS_M = 0.004
_STEM_COLOUR = (0.3, 0.3, 0.32, 1.0)


def stem_from(hand: NDArray[np.float64], model: ObjectModel) -> ColouredMesh:
    """A thin bar from the hand to the nearest point of the object. hand: [3], in the object's frame, m.

    With the bar, the fingers do not cover the object. The bar itself covers nothing of the object.
    """
    middles = [part.mesh.vertices[part.mesh.triangles].mean(axis=1) for part in model.meshes]
    points = np.concatenate([*middles, *[part.mesh.vertices for part in model.meshes]])
    nearest = points[np.argmin(np.linalg.norm(points - hand, axis=1))]
    # At least a little length, because a bar of zero length has no direction.
    end = nearest + (nearest - hand) * 0.02 + 1e-4
    return ColouredMesh(tube(np.array([hand, end]), _STEM_RADIUS_M, sides=6), _STEM_COLOUR)


class DrawnBody:
    """Coloured meshes that move together."""

    def __init__(self, meshes: Sequence[ColouredMesh], client: int, *, cpu_only: bool = False) -> None:
        """cpu_only: pass meshes in memory, which is faster, but which the EGL renderer cannot read."""
        self._client = client
        if cpu_only:
            self._bodies = [_draw_from_memory(mesh, client) for mesh in meshes]
            return
        with tempfile.TemporaryDirectory(prefix="aassl_sim_") as folder:
            self._bodies = [_draw(mesh, Path(folder) / f"{index}.obj", client) for index, mesh in enumerate(meshes)]

    @property
    def bodies(self) -> list[int]:
        """PyBullet's number of the body of each mesh."""
        return self._bodies

    def place(self, pose: NDArray[np.float64]) -> None:
        """Move the body to a pose [7] in the world."""
        position, turn = pose[:3].tolist(), pose[3:].tolist()
        for body in self._bodies:
            pybullet.resetBasePositionAndOrientation(body, position, turn, physicsClientId=self._client)

    def remove(self) -> None:
        """Remove the body from the world."""
        for body in self._bodies:
            pybullet.removeBody(body, physicsClientId=self._client)
        self._bodies = []


def _draw(part: ColouredMesh, path: Path, client: int) -> int:
    vertices, normals, triangles = shaded(part.mesh)
    write_obj(path, Mesh(vertices, triangles), normals)
    shape = pybullet.createVisualShape(
        pybullet.GEOM_MESH, fileName=str(path), rgbaColor=part.rgba, physicsClientId=client
    )
    return int(pybullet.createMultiBody(baseMass=0.0, baseVisualShapeIndex=shape, physicsClientId=client))


def _draw_from_memory(part: ColouredMesh, client: int) -> int:
    vertices, normals, triangles = shaded(part.mesh)
    shape = pybullet.createVisualShape(
        pybullet.GEOM_MESH,
        vertices=vertices.tolist(),
        indices=triangles.reshape(-1).tolist(),
        normals=normals.tolist(),
        uvs=[[0.0, 0.0]] * len(vertices),
        rgbaColor=part.rgba,
        physicsClientId=client,
    )
    return int(pybullet.createMultiBody(baseMass=0.0, baseVisualShapeIndex=shape, physicsClientId=client))
