"""Run with the Python of the lerobot environment: reads a dataset with lerobot, or records one with it.

Usage: lerobot_reads.py read DATASET | record DATASET. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def read(root: Path) -> dict[str, object]:
    """What lerobot gives for each row: mean gray level of each picture, state, stamps and task."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = LeRobotDataset("aassl/test", root=root, video_backend=backend())
    rows = []
    for index in range(len(dataset)):
        item = dataset[index]
        rows.append(
            {
                "levels": [float(item[key].mean()) * 255 for key in dataset.meta.video_keys],
                "state": item["observation.state"].tolist(),
                "action": item["action"].tolist(),
                "stamps": item["stamp_ns"].tolist(),
                "timestamp": float(item["timestamp"]),
                "episode": int(item["episode_index"]),
                "task": item["task"],
            }
        )
    stats = {key: np.ravel(dataset.meta.stats[key]["mean"]).tolist() for key in ("observation.state", "action")}
    return {"rows": rows, "fps": dataset.meta.fps, "cameras": dataset.meta.video_keys, "means": stats}


def record(root: Path) -> dict[str, object]:
    """Record two episodes of 12 frames with lerobot itself; picture i is of gray level 40 + 10 i."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    joints = ["shoulder_pan.pos", "gripper.pos"]
    features = {
        "observation.state": {"dtype": "float32", "shape": (2,), "names": joints},
        "action": {"dtype": "float32", "shape": (2,), "names": joints},
        "observation.images.front": {"dtype": "video", "shape": (64, 96, 3), "names": ["height", "width", "channels"]},
    }
    dataset = LeRobotDataset.create("aassl/recorded", fps=20, features=features, root=root, robot_type="so101")
    for episode in range(2):
        for number in range(12):
            dataset.add_frame(
                {
                    "observation.state": np.array([number, episode], np.float32),
                    "action": np.array([number + 1, episode], np.float32),
                    "observation.images.front": np.full((64, 96, 3), 40 + 10 * number, np.uint8),
                    "task": "Pick up the mug.",
                }
            )
        dataset.save_episode()
    dataset.finalize()
    return {"episodes": dataset.meta.total_episodes}


def backend() -> str:
    """torchcodec if it can be loaded, else PyAV (lerobot 0.5 and later)."""
    try:
        import torchcodec  # noqa: F401
    except Exception:
        return "pyav"
    return "torchcodec"


if __name__ == "__main__":
    print(json.dumps({"read": read, "record": record}[sys.argv[1]](Path(sys.argv[2]))))
