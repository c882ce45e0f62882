"""Paths and features of a LeRobot dataset v3.0, by the source of lerobot 0.4 and 0.6 (src/lerobot/datasets)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aassl_ros.errors import DataError, first_line

VERSION = "v3.0"
CHUNK_FILES = 1000
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200
INFO = "meta/info.json"
STATS = "meta/stats.json"
TASKS = "meta/tasks.parquet"
OWN = "meta/aassl.json"
"""What LeRobot has no place for: session, robot description, names. lerobot ignores the file."""
EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"

STATE = "observation.state"
ACTION = "action"
IMAGES = "observation.images."
# Not "observation.…": policies would take them as input.
STAMPS = "stamp_ns"
FILLED = "filled"
COMMANDED = "commanded"

_MAX_JSON_BYTES = 64 << 20


@dataclass(frozen=True)
class Place:
    """A file of a kind: its chunk folder and number in it."""

    chunk: int = 0
    file: int = 0

    def next(self) -> Place:
        return Place(self.chunk + 1, 0) if self.file == CHUNK_FILES - 1 else Place(self.chunk, self.file + 1)

    def path(self, template: str, **names: str) -> str:
        return template.format(chunk_index=self.chunk, file_index=self.file, **names)


@dataclass(frozen=True)
class Joints:
    """Names of the joints of state and action."""

    state: tuple[str, ...]
    action: tuple[str, ...]


def camera_key(camera: str) -> str:
    """The feature of a camera. Of a camera that is a topic, as in bags of other recorders, the part that names it."""
    parts = [part for part in camera.split("/") if part not in ("", "image_raw", "compressed", "image")]
    return IMAGES + ("_".join(parts) or "camera").replace(".", "_")


def features(sizes: Mapping[str, tuple[int, int]], joints: Joints, fps: int, codec: str) -> dict[str, Any]:
    """The features of a dataset that we write.

    Args:
        sizes: camera key -> height and width, pixels.
        joints: names of the joints.
        fps: rows per second.
        codec: name of the format of the videos, such as "h264".
    """
    found: dict[str, Any] = {
        STATE: _vector("float32", joints.state),
        ACTION: _vector("float32", joints.action),
    }
    for key, (height, width) in sizes.items():
        found[key] = {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": height,
                "video.width": width,
                "video.codec": codec,
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": fps,
                "video.channels": 3,
                "has_audio": False,
            },
        }
    cameras = [key.removeprefix(IMAGES) for key in sizes]
    found[STAMPS] = _vector("int64", cameras)
    found[FILLED] = _vector("int64", cameras)
    found[COMMANDED] = _vector("int64", ["commanded"])
    one = {"shape": [1], "names": None}
    found["timestamp"] = {"dtype": "float32", **one}
    for name in ("frame_index", "episode_index", "index", "task_index"):
        found[name] = {"dtype": "int64", **one}
    return found


@dataclass
class Info:
    """The part of meta/info.json that we use."""

    fps: float
    features: dict[str, dict[str, Any]]
    episodes: int
    frames: int
    data_path: str = DATA
    video_path: str = VIDEO
    robot: str = ""
    others: dict[str, Any] = field(default_factory=dict)

    def cameras(self, kinds: Sequence[str] = ("video", "image")) -> list[str]:
        """The features that are pictures."""
        return [key for key, feature in self.features.items() if feature.get("dtype") in kinds]

    def names(self, key: str) -> tuple[str, ...]:
        """Names of the values of a vector: those of the dataset, else KEY_0, KEY_1 and so on."""
        feature = self.features[key]
        named = feature.get("names")
        if isinstance(named, Mapping):  # such as {"motors": [...]}
            named = next((value for value in named.values() if isinstance(value, list)), None)
        shape = feature.get("shape")
        if not isinstance(shape, list) or len(shape) != 1 or not isinstance(shape[0], int):
            raise DataError(f"{INFO}: {key} has the shape {str(shape)[:80]}, expected a list of one length.")
        if isinstance(named, list) and len(named) == shape[0] and len(set(map(str, named))) == len(named):
            return tuple(str(name) for name in named)
        return tuple(f"{key.rpartition('.')[2]}_{number}" for number in range(shape[0]))


def read_info(root: Path) -> Info:
    """Read meta/info.json. Raises DataError if it is missing, damaged or of another major version."""
    values = read_json(root / INFO)
    version = values.get("codebase_version")
    if not isinstance(version, str) or not version.startswith("v3."):
        advice = "Convert it with lerobot first: python -m lerobot.scripts.convert_dataset_v21_to_v30"
        raise DataError(f"{root / INFO}: codebase_version is {str(version)[:40]}, expected v3.x. {advice}.")
    fps, described = values.get("fps"), values.get("features")
    if not isinstance(fps, (int, float)) or isinstance(fps, bool) or not 0 < fps <= 10_000:
        raise DataError(f"{root / INFO}: fps is {str(fps)[:40]}, expected a positive number.")
    if not isinstance(described, dict) or not all(isinstance(feature, dict) for feature in described.values()):
        raise DataError(f"{root / INFO}: features is {str(described)[:40]}, expected an object of objects.")
    return Info(
        fps=float(fps),
        features=described,
        episodes=_count(root, values, "total_episodes"),
        frames=_count(root, values, "total_frames"),
        data_path=_template(root, values, "data_path", DATA),
        video_path=_template(root, values, "video_path", VIDEO),
        robot=str(values.get("robot_type") or ""),
        others=values,
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises DataError if it is missing or damaged."""
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise DataError(f"{path} has {path.stat().st_size} bytes, expected at most {_MAX_JSON_BYTES}.")
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        folder = path.parent.parent
        raise DataError(f"{folder} is no LeRobot dataset v3: it holds no {path.relative_to(folder)}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {first_line(error)}.") from error
    if not isinstance(values, dict):
        raise DataError(f"{path} holds a {type(values).__name__}, expected an object.")
    return values


def _vector(dtype: str, names: Sequence[str]) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [len(names)], "names": list(names)}


def _count(root: Path, values: Mapping[str, Any], key: str) -> int:
    value = values.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DataError(f"{root / INFO}: {key} is {str(value)[:40]}, expected a number of at least 0.")
    return value


def _template(root: Path, values: Mapping[str, Any], key: str, default: str) -> str:
    """A template of paths inside the dataset, or the default."""
    value = values.get(key) or default
    if not isinstance(value, str) or value.startswith("/") or ".." in Path(value).parts:
        raise DataError(f"{root / INFO}: {key} is {str(value)[:80]}, expected a path inside the dataset.")
    try:
        value.format(chunk_index=0, file_index=0, video_key="key")
    except (LookupError, ValueError, AttributeError) as error:
        wanted = "with chunk_index, file_index and video_key only"
        raise DataError(f"{root / INFO}: {key} is {value[:80]}, expected a path {wanted}.") from error
    return value
