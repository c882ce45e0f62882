"""Labelled pictures that an untrained encoder can distinguish: moving stripes in three directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.motion import rotations

CATEGORIES = ("lying", "slanted", "standing")
_DIRECTIONS = {"lying": (0.0, 1.0), "slanted": (0.7, 0.7), "standing": (1.0, 0.0)}
_FRAME_NS = 33_333_333


def draw_pattern(category: str, size: int, phase: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a picture uint8 [size, size, 3] of noisy stripes. phase: how far they have moved, in stripes."""
    across, down = _DIRECTIONS[category]
    ticks = np.arange(size) / size
    stripes = np.sin(2 * np.pi * (4 * (across * ticks[None, :] + down * ticks[:, None]) + phase))
    noise = rng.normal(0, 12, (size, size, 3))
    return np.clip(128 + 90 * stripes[..., None] + noise, 0, 255).astype(np.uint8)


def write_patterns(
    path: Path,
    *,
    instances: int = 3,
    frames: int = 20,
    image_size: int = 32,
    instance_set: str = "train",
    seed: int = 0,
) -> PreparedData:
    """Write prepared data: an episode of `frames` frames for each of `instances` instances of every category.

    image_size: side in pixels; instance_set: the set of all instances. Object poses are known. Returns the data.
    """
    rng = np.random.default_rng(seed)
    with PreparedWriter(path, image_size) as writer:
        for category in CATEGORIES:
            for number in range(instances):
                phases = rng.random() + np.cumsum(rng.normal(0, 0.3, frames))
                writer.append_frames(np.stack([draw_pattern(category, image_size, phase, rng) for phase in phases]))
                id = f"{seed:08d}-0000-4000-8000-{len(category):06d}{number:06d}"
                states = EpisodeStates(1_000_000_000 + np.arange(frames) * _FRAME_NS, object_pose=_poses(phases))
                writer.add_episode("bench", id, f"{category}_{number:04d}", category, instance_set, states)
        writer.finish(f"patterns {instances} {frames} {image_size} {instance_set} {seed}")
    return PreparedData.open(path)


def _poses(phases: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make poses [F, 7] half a metre away, rotated about the line of sight by the phase in rad."""
    turns = rotations.from_rotation_vector(phases[:, None] * np.array([0.0, 0.0, 1.0]))
    return np.concatenate([np.tile((0.0, 0.0, 0.5), (len(phases), 1)), turns], axis=1)
