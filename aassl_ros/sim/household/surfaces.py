"""The colour of an object's surface at given points: material, pattern, print and wear.

Everything is a function of the point in the object's frame, so that it turns with the object.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.household.objects import HouseholdObject, Print, SurfacePart

Points = NDArray[np.float32]


def surface_colours(model: HouseholdObject, part: SurfacePart, points: Points) -> Points:
    """The colours, float32 [P, 3] from 0 to 1, of a part at points [P, 3] of its surface (object's frame, m)."""
    if part.print is not None:
        colours = _printed(part.print, part, points)
    else:
        colours = np.broadcast_to(part.material.colour, points.shape)
    colours = colours * part.material.pattern.factor(points)
    extent = np.full(3, model.radius, np.float32)
    side = len(model.wear)
    row, column = _pixels(_on_box(points / extent), side)
    return np.clip(colours * model.wear[row, column, None], 0.0, 1.0)


def _printed(printed: Print, part: SurfacePart, points: Points) -> Points:
    middle = (part.low + part.high) / 2
    scaled: Points = np.asarray((points - middle) / np.maximum((part.high - part.low) / 2, 1e-6), np.float32)
    where: Points
    if printed.mapping == "wrap":
        around = np.arctan2(points[:, 1], points[:, 0]) / np.float32(np.pi) * printed.repeats
        where = np.stack([np.asarray((around + 1.0) % 2.0 - 1.0, np.float32), -scaled[:, 2]], axis=1)
    elif printed.mapping == "box":
        where = _on_box(scaled)
    elif printed.mapping == "face":
        where = np.stack([scaled[:, 1] * np.sign(scaled[:, 0]), -scaled[:, 2]], axis=1)
    else:
        where = np.stack([scaled[:, 1], scaled[:, 0]], axis=1)
    row, column = _pixels(where, len(printed.picture))
    return printed.picture[row, column].astype(np.float32) / np.float32(255.0)


def _on_box(scaled: Points) -> Points:
    """Coordinates [P, 2] from -1 to 1 (right, down) on the nearest face of the unit box, upright from outside."""
    axis = np.argmax(np.abs(scaled), axis=1)
    sign = np.sign(np.take_along_axis(scaled, axis[:, None], axis=1)[:, 0])
    x, y, z = scaled.T
    right = np.where(axis == 1, -x * sign, np.where(axis == 0, y * sign, y))
    down = np.where(axis == 2, x * sign, -z)
    return np.stack([right, down], axis=1)


def _pixels(where: Points, side: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns in a picture of coordinates [P, 2] (right, down) from -1 to 1."""
    column, row = np.clip((where + 1.0) * (side / 2), 0, side - 1).astype(np.int64).T
    return row, column
