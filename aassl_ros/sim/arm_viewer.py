"""Shows a planned motion of an arm in PyBullet, in a window or as a sheet of pictures, and measures its distances."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import SimulationError
from aassl_ros.motion.arms import Arm
from aassl_ros.sim.bullet import pybullet, require_pybullet
from aassl_ros.sim.robot_body import RobotBody

Array = NDArray[np.float64]

_DETAIL_M = 0.01
# Nothing farther away than this is looked for, m.
_FAR_M = 1.0
# The links up to the second moving joint are mounted just above the table, whatever the arm does.
_MOUNTED = 2
# The last links against the first: those that are at least so many joints apart touch only in a collision.
_FIRST, _APART = 3, 4
_LENS_DEG = 35.0


@dataclass(frozen=True)
class Nearest:
    """The smallest distances of a motion, m, at most 1. link, pair: names of the links."""

    table_m: float
    link: str
    itself_m: float
    pair: tuple[str, str]


class ArmViewer:
    """An arm on an endless table at the height of its base. Close it, or use it in a `with` block."""

    def __init__(self, arm: Arm, urdf: Path, *, window: bool) -> None:
        """urdf: the file of its URDF. window: show it on the screen. Raises SimulationError or ConfigError."""
        require_pybullet()
        self._client = pybullet.connect(pybullet.GUI if window else pybullet.DIRECT)
        if self._client < 0:
            raise SimulationError("PyBullet cannot open a window here. Use --no-window.")
        self._arm = arm
        self._body = RobotBody(replace(arm, urdf=str(urdf.resolve())), self._client, detail_m=_DETAIL_M)
        shape = pybullet.createCollisionShape(pybullet.GEOM_PLANE, physicsClientId=self._client)
        self._table = pybullet.createMultiBody(0, shape, physicsClientId=self._client)

    def place(self, positions: Array) -> None:
        """Set the joints [J], rad."""
        self._body.place(positions)

    def nearest(self, path: Array) -> Nearest:
        """The smallest distances on a path [S, J], rad."""
        names, first = self._body.link_names, self._body.link_after(_MOUNTED)
        last = self._body.link_after(len(self._arm.joints) - 1)
        table, itself = (_FAR_M, ""), (_FAR_M, ("", ""))
        for positions in path:
            self.place(positions)
            pybullet.performCollisionDetection(physicsClientId=self._client)
            for point in pybullet.getClosestPoints(self._body.body, self._table, _FAR_M, physicsClientId=self._client):
                if point[3] >= first and point[8] < table[0]:
                    table = (point[8], names[point[3]])
            for point in pybullet.getClosestPoints(
                self._body.body, self._body.body, _FAR_M, physicsClientId=self._client
            ):
                far_apart = point[3] < _FIRST and point[4] >= max(last, point[3] + _APART)
                if far_apart and point[8] < itself[0]:
                    itself = (point[8], (names[point[3]], names[point[4]]))
        return Nearest(table[0], table[1], itself[0], itself[1])

    def play(self, path: Array, seconds: float) -> None:
        """Show a path [S, J] in the window within this time, s."""
        begun = time.monotonic()
        while (share := (time.monotonic() - begun) / seconds) < 1:
            self.place(path[int(share * len(path))])
            time.sleep(1 / 60)

    def sheet(self, path: Array, *, columns: int = 4, rows: int = 3, size: int = 240) -> NDArray[np.uint8]:
        """Pictures at even times of a path [S, J], row by row, uint8 [rows * size, columns * size, 3] RGB.

        They show the arm from the side of its camera, and all of it: no link leaves a picture.
        """
        shown = path[np.linspace(0, len(path) - 1, columns * rows).round().astype(int)]
        view = self._view(shown)
        grid = np.stack([self._picture(positions, view, size) for positions in shown])
        return grid.reshape(rows, columns, size, size, 3).swapaxes(1, 2).reshape(rows * size, columns * size, 3)

    def _view(self, path: Array) -> Sequence[float]:
        """A view matrix with all links at all positions of a path [S, J]."""
        boxes = []
        for positions in path:
            self.place(positions)
            pybullet.performCollisionDetection(physicsClientId=self._client)  # moves the boxes of the links
            boxes += [
                pybullet.getAABB(self._body.body, link, physicsClientId=self._client) for link in self._body.link_names
            ]
        corners = np.concatenate([np.stack(np.meshgrid(*zip(*box, strict=True)), -1).reshape(8, 3) for box in boxes])
        middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
        towards = np.array(self._arm.camera_position) - middle
        side = np.array([towards[1], -towards[0], 0.0])
        direction = _unit(_unit(towards) + 0.9 * _unit(side) + np.array([0, 0, 0.35]))
        right = _unit(np.cross([0.0, 0.0, 1.0], direction))
        from_middle = corners - middle
        beside = np.abs(from_middle @ np.stack([right, np.cross(direction, right)], axis=1)).max(axis=1)
        distance = (beside / np.tan(np.radians(_LENS_DEG / 2)) + from_middle @ direction).max()
        return pybullet.computeViewMatrix((middle + distance * direction).tolist(), middle.tolist(), [0, 0, 1])

    def _picture(self, positions: Array, view: Sequence[float], size: int) -> NDArray[np.uint8]:
        self.place(positions)
        lens = pybullet.computeProjectionMatrixFOV(_LENS_DEG, 1.0, 0.05, 20.0)
        shot = pybullet.getCameraImage(
            size, size, view, lens, renderer=pybullet.ER_TINY_RENDERER, physicsClientId=self._client
        )
        return np.asarray(shot[2], np.uint8).reshape(size, size, 4)[:, :, :3]

    def close(self) -> None:
        """Close the window. Only `close` may be called after this."""
        if self._client >= 0:
            pybullet.disconnect(self._client)
            self._client = -1

    def __enter__(self) -> ArmViewer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unit(vector: Array) -> Array:
    result: Array = vector / np.linalg.norm(vector)
    return result
