"""Rotations of an object that a hand turns mostly about the object's vertical axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.rotations import from_rotation_vector, multiply, to_matrix
from aassl_ros.synth.view_grid import upright_turn

# Elevation of the camera above the object at tilt 0, degrees; tilt 1 adds as much as leads to the poles.
_ELEVATION_DEG, _ELEVATION_SPREAD_DEG, _MORE_SPREAD_DEG = 25.0, 20.0, 60.0
# Step of the random walk of the axis at tilt 1, relative to the object's vertical axis, and its start.
_AXIS_DRIFT, _AXIS_START = 0.5, 1.5


def draw_leaning(
    rng: np.random.Generator, views: int, turn_deg: tuple[float, float], tilt: float
) -> NDArray[np.float64]:
    """Draw the rotations of an episode: float64 [views, 4] (x y z w), of the object in the camera's optical frame.

    Args:
        rng: the random generator.
        views: number of frames.
        turn_deg: smallest and largest rotation from one frame to the next, degrees.
        tilt: 0: the object is upright and turns about its vertical axis. Near 1: it leans and tumbles.
    """
    spread = _ELEVATION_SPREAD_DEG + tilt * _MORE_SPREAD_DEG
    elevation = _ELEVATION_DEG + spread * rng.uniform(-1.0, 1.0)
    start = upright_turn(rng.uniform(0.0, 360.0), elevation)
    turn = multiply(from_rotation_vector(np.array([0.0, 0.0, np.pi * tilt * rng.uniform(-1.0, 1.0)])), start)
    side = 1.0 if rng.random() < 0.5 else -1.0
    lean = tilt * _AXIS_START * rng.normal(size=3)
    turns = np.empty((views, 4))
    for frame in range(views):
        turns[frame] = turn
        lean = lean + tilt * _AXIS_DRIFT * rng.normal(size=3)
        axis = side * to_matrix(turn)[:, 2] + lean
        axis = axis / np.linalg.norm(axis)
        turn = multiply(from_rotation_vector(axis * np.radians(rng.uniform(*turn_deg))), turn)
    return turns
