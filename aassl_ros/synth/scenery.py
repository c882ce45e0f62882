"""Draws the scene of one episode at random: camera, light and the motion of the object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.rotations import from_rotation_vector, multiply, random_quaternion
from aassl_ros.sim.tiny_renderer import Lamp

Array = NDArray[np.float64]

# The canonical camera and light. Random scenes vary about them, and the view grid uses them.
FOV_DEG = 35.0
# Diameter of the bounding sphere relative to the height of the picture. Few objects fill their sphere, so few are cut.
FILL = 1.05
# Median radius of the objects, m.
TYPICAL_RADIUS_M = 0.095
_TOWARDS = np.array([-0.35, -0.8, -0.75])
NEUTRAL_LAMP = Lamp(_TOWARDS, ambient=0.6, diffuse=0.6, specular=0.05, colour=np.ones(3))

# Half widths of the random ranges at strength 1.
_FOV_SPREAD_DEG = 20.0
_FILL_SPREAD = 0.25
_OFF_MIDDLE = 0.12
_LAMP_SPREAD = 1.2
_AMBIENT_SPREAD = 0.25
_DIFFUSE_SPREAD = 0.3
_COLOUR_SPREAD = 0.35
# Steps of random walks from frame to frame: of the rotation axis (rad), the place (radii), the distance (fraction).
_AXIS_DRIFT = 0.25
_PLACE_DRIFT = 0.03
_DISTANCE_DRIFT = 0.015


def distance_for(fov_deg: float, fill: float) -> float:
    """The distance, m, at which the bounding sphere of a typical object fills this fraction of the picture's height."""
    return float(TYPICAL_RADIUS_M / np.sin(np.arctan(fill * np.tan(np.radians(fov_deg) / 2))))


def draw_lamp(rng: np.random.Generator, strength: float) -> Lamp:
    """Draw a lamp above or beside the camera. strength: how much direction, intensity and colour vary, from 0 to 1."""
    towards = _TOWARDS + strength * _LAMP_SPREAD * rng.uniform(-1.0, 1.0, 3)
    # A lamp behind the object would light nothing that the camera sees.
    towards[2] = min(towards[2], -0.3)
    return Lamp(
        towards,
        ambient=NEUTRAL_LAMP.ambient + strength * _AMBIENT_SPREAD * rng.uniform(-1.0, 0.6),
        diffuse=NEUTRAL_LAMP.diffuse + strength * _DIFFUSE_SPREAD * rng.uniform(-1.0, 1.0),
        specular=NEUTRAL_LAMP.specular + strength * 0.4 * rng.uniform(0.0, 1.0),
        colour=1.0 - strength * _COLOUR_SPREAD * rng.uniform(0.0, 1.0, 3),
    )


def draw_motion(
    rng: np.random.Generator, views: int, turn_deg: tuple[float, float], strength: float
) -> tuple[Array, float]:
    """Draw the motion of an object that rotates freely, and the camera.

    Args:
        rng: the random generator.
        views: number of frames.
        turn_deg: smallest and largest rotation from one frame to the next, degrees.
        strength: how much the camera varies, from 0 to 1.

    Returns:
        Poses of the object in the camera's optical frame, float64 [views, 7], m; and the field of view, degrees.
    """
    fov = FOV_DEG + strength * _FOV_SPREAD_DEG * rng.uniform(-1.0, 1.0)
    distance = distance_for(fov, FILL * (1.0 + strength * _FILL_SPREAD * rng.uniform(-1.0, 1.0)))
    off_middle = strength * _OFF_MIDDLE * rng.uniform(-1.0, 1.0, 2) * distance * np.tan(np.radians(fov) / 2)
    steps = rng.normal(size=(views, 3))
    steps[0] = 0.0
    walk = np.cumsum(steps * [_PLACE_DRIFT, _PLACE_DRIFT, _DISTANCE_DRIFT], axis=0) * strength
    walk = np.clip(walk, -0.15, 0.15)
    poses = np.empty((views, 7))
    poses[:, 2] = distance * (1.0 + walk[:, 2])
    poses[:, :2] = off_middle + walk[:, :2] * TYPICAL_RADIUS_M
    axis = _unit(rng.normal(size=3))
    turn = random_quaternion(rng)
    for frame in range(views):
        poses[frame, 3:] = turn
        axis = _unit(axis + _AXIS_DRIFT * rng.normal(size=3))
        turn = multiply(from_rotation_vector(axis * np.radians(rng.uniform(*turn_deg))), turn)
    return poses, fov


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))
