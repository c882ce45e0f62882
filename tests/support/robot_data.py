"""Small prepared data of robots with joints of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter

PANDA = tuple(f"panda_joint{number}" for number in range(1, 8))
SO101 = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")


def write_robot(
    path: Path,
    joints: Sequence[str],
    *,
    episodes: int = 6,
    frames: int = 20,
    seed: int = 0,
    posed: bool = False,
    instance_set: str = "train",
) -> PreparedData:
    """Write episodes of 16 px in which the first two joints move a bright square. posed: object poses are known too."""
    with PreparedWriter(path, 16) as writer:
        add_episodes(
            writer, joints, episodes=episodes, frames=frames, seed=seed, posed=posed, instance_set=instance_set
        )
        writer.finish(f"{joints} {episodes} {frames} {seed} {posed}")
    return PreparedData.open(path)


def add_episodes(
    writer: PreparedWriter,
    joints: Sequence[str],
    *,
    episodes: int,
    frames: int,
    seed: int,
    posed: bool = False,
    instance_set: str = "train",
) -> None:
    """Add the episodes of one robot."""
    rng = np.random.default_rng(seed)
    for number in range(episodes):
        positions = np.cumsum(rng.normal(0, 0.3, (frames, len(joints))), axis=0)
        images = rng.integers(60, 100, (frames, 16, 16, 3), dtype=np.uint8)
        colour = rng.integers(150, 256, 3)
        for image, (x, y) in zip(images, 6 + 5 * np.sin(positions[:, :2]), strict=True):
            image[round(y) : round(y) + 4, round(x) : round(x) + 4] = colour
        writer.append_frames(images)
        turns = np.stack([np.zeros(frames), np.zeros(frames), np.sin(positions[:, 0]), np.cos(positions[:, 0])], axis=1)
        states = EpisodeStates(
            stamps_ns=np.arange(frames) * 33_333_333,
            joint_names=joints,
            joint_position=positions,
            object_pose=np.concatenate([np.tile((0.0, 0.0, 0.5), (frames, 1)), turns], axis=1) if posed else None,
        )
        category = "cup" if number % 2 else "mug"
        id = f"{joints[0]}-{seed}-{number}"
        writer.add_episode("", id, f"{category}_{seed}_{number}", category, instance_set, states)
