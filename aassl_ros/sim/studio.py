"""Draws one object alone, held by nothing, before any background: for data by the thousand (`aassl synth`).

The camera is the origin and its optical frame the world: x right, y down, z forward, metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.rotations import to_matrix
from aassl_ros.sim.bullet import pybullet, require_pybullet
from aassl_ros.sim.catalogue import ObjectModel
from aassl_ros.sim.held_object import DrawnBody
from aassl_ros.sim.surface import Pattern

# Drawn this much finer, then shrunk by area: edges are smooth.
_FINER = 2


@dataclass(frozen=True)
class Lamp:
    """The light. towards: float64 [3], the direction in which the lamp lies, in the camera's optical frame.

    ambient, diffuse, specular: strengths from 0 to 1. colour: float64 [3] from 0 to 1.
    """

    towards: NDArray[np.float64]
    ambient: float
    diffuse: float
    specular: float
    colour: NDArray[np.float64]


@dataclass(frozen=True)
class Shots:
    """N pictures. colour: float32 [N, S, S, 3] from 0 to 1, times cover; cover: float32 [N, S, S].

    cover: what share of the pixel the object takes.
    """

    colour: NDArray[np.float32]
    cover: NDArray[np.float32]

    def before(self, background: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The pictures before a background float32 [S, S, 3] or one each [N, S, S, 3]: uint8 [N, S, S, 3] RGB."""
        mixed = self.colour + (1.0 - self.cover[..., None]) * background
        return (np.clip(mixed, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


class Studio:
    """Draws objects of a catalogue. Close it, or use it in a `with` block."""

    def __init__(self, size: int) -> None:
        """size: of the pictures, pixels. Raises SimulationError where PyBullet is missing."""
        require_pybullet()
        self.size = size
        self._client = pybullet.connect(pybullet.DIRECT)
        # Objects come and go: their meshes must not pile up.
        pybullet.setPhysicsEngineParameter(enableFileCaching=0, physicsClientId=self._client)
        self._view = pybullet.computeViewMatrix([0, 0, 0], [0, 0, 1], [0, -1, 0])
        self._body: DrawnBody | None = None
        self._radius = 0.0

    def put(self, model: ObjectModel) -> None:
        """Put an object before the camera in place of what was there."""
        if self._body is not None:
            self._body.remove()
        self._body = DrawnBody(model.meshes, self._client)
        self._radius = model.radius

    def shoot(self, poses: NDArray[np.float64], fov_deg: float, lamp: Lamp, pattern: Pattern | None = None) -> Shots:
        """The object at each of the poses [N, 7], seen with this angle of view, under this lamp, with this pattern."""
        if self._body is None:
            raise ValueError("no object to draw: call put first")
        side = self.size * _FINER
        near = max(0.01, float(poses[:, 2].min()) - 1.1 * self._radius)
        far = float(poses[:, 2].max()) + 1.1 * self._radius
        projection = pybullet.computeProjectionMatrixFOV(fov_deg, 1.0, near, far)
        colours = np.empty((len(poses), side, side, 3), np.uint8)
        depths = np.empty((len(poses), side, side), np.float32)
        seen = np.empty((len(poses), side, side), np.bool_)
        for index, pose in enumerate(poses):
            self._body.place(pose)
            _, _, rgba, depth, mask = pybullet.getCameraImage(
                side,
                side,
                self._view,
                projection,
                lightDirection=lamp.towards.tolist(),
                lightColor=lamp.colour.tolist(),
                lightAmbientCoeff=lamp.ambient,
                lightDiffuseCoeff=lamp.diffuse,
                lightSpecularCoeff=lamp.specular,
                shadow=0,
                renderer=pybullet.ER_TINY_RENDERER,
                physicsClientId=self._client,
            )
            colours[index] = np.asarray(rgba, dtype=np.uint8).reshape(side, side, 4)[..., :3]
            depths[index] = np.asarray(depth, dtype=np.float32).reshape(side, side)
            # By the mask: the depth where there is nothing is not quite that of the far plane.
            seen[index] = np.asarray(mask).reshape(side, side) >= 0
        colour = np.zeros(colours.shape, np.float32)
        colour[seen] = colours[seen] * np.float32(1 / 255)
        if pattern is not None and pattern.kind != "plain":
            distance = near * far / (far - (far - near) * depths[seen])
            colour[seen] *= pattern.factor(_points(seen, distance, poses, fov_deg))
            np.minimum(colour, 1.0, out=colour)
        return Shots(_shrunk(colour), _shrunk(seen.astype(np.float32)))

    def close(self) -> None:
        """End the drawing; further calls but this one are errors."""
        if self._client >= 0:
            pybullet.disconnect(self._client)
            self._client = -1

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _points(
    seen: NDArray[np.bool_], distance: NDArray[np.float32], poses: NDArray[np.float64], fov_deg: float
) -> NDArray[np.float32]:
    """The points of the object, in its own frame, that the seen pixels show: float32 [P, 3]. distance: their z [P]."""
    side = seen.shape[1]
    picture, row, column = np.nonzero(seen)
    step = np.float32(2.0 * np.tan(np.radians(fov_deg) / 2) / side)
    middle = np.float32((side - 1) / 2)
    in_camera = np.stack([(column - middle) * step * distance, (row - middle) * step * distance, distance], axis=1)
    in_camera -= poses[picture, :3].astype(np.float32)
    turns = to_matrix(poses[:, 3:]).astype(np.float32)
    counts = np.bincount(picture, minlength=len(poses))
    parts = np.split(in_camera.astype(np.float32), np.cumsum(counts)[:-1])
    return np.concatenate([part @ turn for part, turn in zip(parts, turns, strict=True)])


def _shrunk(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every _FINER x _FINER pixels made one: [N, S, S, ...] of [N, S * _FINER, S * _FINER, ...]."""
    count, side = pictures.shape[0], pictures.shape[1] // _FINER
    split = pictures.reshape(count, side, _FINER, side, _FINER, -1)
    shrunk = (split[:, :, 0, :, 0] + split[:, :, 0, :, 1] + split[:, :, 1, :, 0] + split[:, :, 1, :, 1]) * np.float32(
        0.25
    )
    return shrunk.reshape(count, side, side, *pictures.shape[3:])
