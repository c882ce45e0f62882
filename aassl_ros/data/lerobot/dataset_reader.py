"""Reads a LeRobot dataset v3: its episodes, their rows and their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.lerobot import layout
from aassl_ros.data.lerobot.layout import Info, Place
from aassl_ros.data.lerobot.optional import load
from aassl_ros.data.lerobot.video_reader import pictures
from aassl_ros.errors import DataError, first_line

Picture = NDArray[np.uint8]

# Pictures are at multiples of 1 / fps; encoders write times with less precision than that.
_TOLERANCE = 0.5


@dataclass(frozen=True)
class EpisodeRow:
    """A row of the table of episodes. values: all its columns without statistics."""

    index: int
    length: int
    task: str
    values: dict[str, Any]


class LeRobotReader:
    """A LeRobot dataset v3 that is open for reading.

    Args:
        root: the folder that holds meta/info.json.

    Raises:
        DataError: it is no dataset of this version, or damaged.
        ConfigError: pyarrow is not installed.
    """

    def __init__(self, root: Path) -> None:
        self._parquet = load("pyarrow.parquet")
        self.root = root
        self.info: Info = layout.read_info(root)
        for key in self.info.features:
            if "/" in key or ".." in key:
                raise DataError(f"{root / layout.INFO}: the feature {key[:80]!r} has / or .. in its name.")
        self.own: dict[str, Any] = layout.read_json(root / layout.OWN) if (root / layout.OWN).is_file() else {}
        self.episodes = self._read_episodes()

    def rows(self, episode: EpisodeRow) -> dict[str, Any]:
        """The columns of an episode: numbers as [R] or [R, D], pictures as lists of encoded bytes.

        Raises DataError if the rows are missing or not in order.
        """
        place = Place(_number(episode, "data/chunk_index"), _number(episode, "data/file_index"))
        path = self.root / place.path(self.info.data_path, video_key="")
        table = self._table(path, [("episode_index", "=", episode.index)])
        found: dict[str, Any] = {}
        for name in table.column_names:
            kind = self.info.features.get(name, {}).get("dtype")
            values = table.column(name).to_pylist()
            found[name] = values if kind in ("image", "string") else _numbers(path, name, values)
        order = found.get("frame_index")
        if len(table) != episode.length or order is None or not np.array_equal(order, np.arange(episode.length)):
            raise DataError(
                f"{path}: episode {episode.index} has {len(table)} rows, expected {episode.length} rows with "
                "frame_index 0, 1, 2, ..."
            )
        return found

    def pictures(self, episode: EpisodeRow, key: str, rows: dict[str, Any]) -> Iterator[Picture | None]:
        """The pictures of a camera, one for each row; None if one cannot be decoded.

        Raises DataError if the video is damaged, or holds another number of pictures than rows.
        """
        if self.info.features[key].get("dtype") == "image":
            for held in rows[key]:
                yield _decode(held, self.root)
            return
        place = Place(_number(episode, f"videos/{key}/chunk_index"), _number(episode, f"videos/{key}/file_index"))
        path = self.root / place.path(self.info.video_path, video_key=key)
        from_s = float(episode.values.get(f"videos/{key}/from_timestamp") or 0.0)
        period_s = 1 / self.info.fps
        row = 0
        for picture in pictures(path, from_s):
            away = (picture.time_s - from_s) / period_s - row
            if away < -_TOLERANCE:
                continue
            if away > _TOLERANCE:
                raise DataError(f"{path} holds no picture of row {row} of episode {episode.index}.")
            yield picture.pixels
            row += 1
            if row == episode.length:
                return
        raise DataError(f"{path} ends after {row} of {episode.length} pictures of episode {episode.index}.")

    def _read_episodes(self) -> tuple[EpisodeRow, ...]:
        tasks = self._read_tasks()
        files = sorted((self.root / "meta" / "episodes").glob("chunk-*/file-*.parquet"))
        if not files:
            raise DataError(f"{self.root} holds no table of episodes (meta/episodes/chunk-000/file-000.parquet).")
        found = []
        for path in files:
            names = self._schema(path)
            for values in self._table(
                path, None, [name for name in names if not name.startswith("stats/")]
            ).to_pylist():
                task = values.get("tasks") or []
                index, length = values.get("episode_index"), values.get("length")
                if not isinstance(index, int) or not isinstance(length, int) or length < 1:
                    raise DataError(f"{path}: episode_index {index!r} has length {length!r}, expected whole numbers.")
                found.append(EpisodeRow(index, length, str(task[0]) if task else "", values))
        if len(found) != self.info.episodes:
            raise DataError(f"{self.root} holds {len(found)} episodes, but {layout.INFO} says {self.info.episodes}.")
        self.tasks = tasks
        return tuple(sorted(found, key=lambda episode: episode.index))

    def _read_tasks(self) -> tuple[str, ...]:
        path = self.root / layout.TASKS
        if not path.is_file():
            return ()
        table = self._table(path)
        texts = next((name for name in ("task", "__index_level_0__") if name in table.column_names), None)
        return tuple(map(str, table.column(texts).to_pylist())) if texts else ()

    def _schema(self, path: Path) -> list[str]:
        try:
            return list(self._parquet.read_schema(path).names)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {first_line(error)}.") from error

    def _table(self, path: Path, filters: Any = None, columns: list[str] | None = None) -> Any:
        try:
            return self._parquet.read_table(path, filters=filters, columns=columns)
        except (OSError, ValueError, LookupError) as error:
            raise DataError(f"{path} cannot be read: {first_line(error)}.") from error


def _number(episode: EpisodeRow, column: str) -> int:
    value = episode.values.get(column)
    if not isinstance(value, int) or value < 0:
        raise DataError(f"episode {episode.index} has {column} {value!r} in the table of episodes, expected a number.")
    return value


def _numbers(path: Path, name: str, values: list[Any]) -> NDArray[Any]:
    try:
        numbers = np.array(values)
    except ValueError as error:
        raise DataError(f"{path}: {name} has rows of different lengths.") from error
    if numbers.dtype.kind not in "biuf":
        raise DataError(f"{path}: {name} holds {numbers.dtype}, expected numbers.")
    return numbers


def _decode(held: Any, root: Path) -> Picture | None:
    """A picture that is stored in the row, as {"bytes": ..., "path": ...}."""
    data = held.get("bytes") if isinstance(held, dict) else None
    if not isinstance(data, bytes):
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if pixels is None else np.asarray(pixels[:, :, ::-1], np.uint8)
