"""Small prepared data, made without a simulator: clouds of coloured dots that rotate in front of a noisy background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.motion import rotations

_DOTS = 7
_DISTANCE_M = 0.5
_FRAME_NS = 33_333_333


def write_synthetic(
    path: Path, *, episodes: int, frames: int, image_size: int, turn_deg: float = 15.0, seed: int = 0
) -> PreparedData:
    """Write prepared data of `episodes` episodes with `frames` frames each, and return it.

    Each episode has its own object. From frame to frame it rotates by `turn_deg` about a random axis. Object poses and
    two joints are known. All episodes are of the set train. image_size: side in pixels.
    """
    rng = np.random.default_rng(seed)
    with PreparedWriter(path, image_size) as writer:
        for episode in range(episodes):
            turns = _random_walk(frames, np.radians(turn_deg), rng)
            writer.append_frames(_draw(turns, image_size, rng))
            position = np.tile((0.0, 0.0, _DISTANCE_M), (frames, 1))
            states = EpisodeStates(
                stamps_ns=1_000_000_000 + np.arange(frames, dtype=np.int64) * _FRAME_NS,
                joint_names=("wrist", "elbow"),
                joint_position=np.cumsum(rng.normal(0, 0.1, (frames, 2)), axis=0),
                object_pose=np.concatenate([position, turns], axis=1),
            )
            category = f"cloud_{episode % 4}"
            writer.add_episode("bench", f"episode-{episode}", f"{category}_{episode:04d}", category, "train", states)
        writer.finish(f"synthetic {episodes} {frames} {image_size} {turn_deg} {seed}")
    return PreparedData.open(path)


def _random_walk(frames: int, step_rad: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Make quaternions [frames, 4], each rotated by `step_rad` from the one before."""
    axes = rng.normal(size=(frames, 3))
    steps = rotations.from_rotation_vector(step_rad * axes / np.linalg.norm(axes, axis=1, keepdims=True))
    walk = [rotations.random_quaternion(rng)]
    for step in steps[1:]:
        walk.append(rotations.multiply(step, walk[-1]))
    return np.stack(walk)


def _draw(turns: NDArray[np.float64], size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw images uint8 [F, size, size, 3] of one cloud of dots at each rotation; near dots cover those behind."""
    dots = rng.normal(size=(_DOTS, 3))
    dots *= 0.6 / np.linalg.norm(dots, axis=1, keepdims=True)
    colours = rng.integers(0, 256, (_DOTS, 3))
    places = np.einsum("fij,dj->fdi", rotations.to_matrix(turns), dots)
    images = rng.integers(100, 156, (len(turns), size, size, 3), dtype=np.uint8)
    ticks = (np.arange(size) + 0.5) / size * 2 - 1
    for image, seen in zip(images, places, strict=True):
        for dot in np.argsort(-seen[:, 2]):  # far ones first: z points away from the camera
            x, y, z = seen[dot]
            radius = 0.24 - 0.1 * z
            inside = (ticks[None, :] - x) ** 2 + (ticks[:, None] - y) ** 2 < radius**2
            image[inside] = colours[dot]
    return images
