"""The canonical views: every test object upright, from the same directions, under the same light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.rotations import from_matrix
from aassl_ros.synth.scenery import FOV_DEG, distance_for

AZIMUTHS_DEG = (0, 45, 90, 135, 180, 225, 270, 315)
ELEVATIONS_DEG = (10, 35, 60)
# Less than in the episodes, so that the whole object is in the picture.
_FILL = 0.85
# Names from the literature for views at the lowest elevation.
_NAMED = {0: "face", 45: "three-quarter", 90: "side", 180: "back"}


def view_names() -> list[str]:
    """Short names of the views, in order."""
    return [_name(azimuth, elevation) for elevation in ELEVATIONS_DEG for azimuth in AZIMUTHS_DEG]


def view_poses() -> NDArray[np.float64]:
    """Poses of the object in the camera's optical frame, float64 [V, 7], m, with its z axis up in the picture."""
    turns = [upright_turn(azimuth, elevation) for elevation in ELEVATIONS_DEG for azimuth in AZIMUTHS_DEG]
    places = np.tile([0.0, 0.0, distance_for(FOV_DEG, _FILL)], (len(turns), 1))
    return np.concatenate([places, np.stack(turns)], axis=1)


def _name(azimuth: int, elevation: int) -> str:
    known = _NAMED.get(azimuth) if elevation == ELEVATIONS_DEG[0] else None
    return known or f"azimuth{azimuth}-elevation{elevation}"


def upright_turn(azimuth_deg: float, elevation_deg: float) -> NDArray[np.float64]:
    """The object's rotation for this direction of view: azimuth 0 shows its front (x), 90 its left side (y)."""
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    beside = np.cos(elevation)
    forward = -np.array([beside * np.cos(azimuth), beside * np.sin(azimuth), np.sin(elevation)])
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return from_matrix(np.stack([right, np.cross(forward, right), forward]))
