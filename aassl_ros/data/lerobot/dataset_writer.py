"""Writes the tables and facts of a LeRobot dataset v3.0: Parquet files and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.lerobot import layout, statistics
from aassl_ros.data.lerobot.layout import Joints, Place
from aassl_ros.data.lerobot.optional import load
from aassl_ros.data.lerobot.statistics import Stats
from aassl_ros.data.lerobot.video_writer import Span


@dataclass(frozen=True)
class EpisodeFacts:
    """One LeRobot episode without its videos. own: our columns of the table of episodes."""

    task: str
    length: int
    place: Place
    first_row: int
    stats: dict[str, Stats]
    own: dict[str, Any]


class DatasetWriter:
    """Takes episodes in order, then writes the tables of tasks and episodes, the statistics and info.json.

    Args:
        root: the folder of the dataset.
        joints: names of the joints.
        sizes: camera key -> height and width.
        fps: rows per second.
        codec: format of the videos.
    """

    def __init__(self, root: Path, joints: Joints, sizes: Mapping[str, tuple[int, int]], fps: int, codec: str) -> None:
        self._pa, self._pq = load("pyarrow"), load("pyarrow.parquet")
        self._root, self._fps = root, fps
        self._sizes = dict(sizes)
        self._features = layout.features(sizes, joints, fps, codec)
        self._episodes: list[EpisodeFacts] = []
        self._tasks: dict[str, int] = {}
        self._rows = 0
        self._place = Place()
        self._table: Any = None

    def add_episode(self, task: str, columns: Mapping[str, NDArray[Any]], own: dict[str, Any]) -> None:
        """Write the rows of an episode.

        Args:
            task: its text.
            columns: feature -> [R] or [R, D], without the columns of time and index.
            own: our columns of the table of episodes.
        """
        length = len(columns[layout.STATE])
        number = len(self._episodes)
        frames = np.arange(length, dtype=np.int64)
        task_index = self._tasks.setdefault(task, len(self._tasks))
        whole = {
            **columns,
            "timestamp": (frames / self._fps).astype(np.float32),
            "frame_index": frames,
            "episode_index": np.full(length, number, np.int64),
            "index": self._rows + frames,
            "task_index": np.full(length, task_index, np.int64),
        }
        self._write_rows({name: whole[name] for name in self._features if name in whole})
        stats = {name: statistics.of_vectors(values.reshape(length, -1)) for name, values in whole.items()}
        self._episodes.append(EpisodeFacts(task, length, self._place, self._rows, stats, own))
        self._rows += length

    def finish(self, spans: Mapping[str, Sequence[Span]], robot: str, own: dict[str, Any]) -> None:
        """Write everything else. spans: camera key -> where each episode is in the videos. own: for meta/aassl.json."""
        if self._table is not None:
            self._table.close()
        for number, episode in enumerate(self._episodes):
            episode.stats.update({key: found[number].stats for key, found in spans.items()})
        self._write_tasks()
        self._write_episodes(spans)
        every = {
            key: statistics.over_all([episode.stats[key] for episode in self._episodes])
            for key in self._episodes[0].stats
        }
        plain = {key: {name: value.tolist() for name, value in stats.items()} for key, stats in every.items()}
        self._write_json(layout.STATS, plain)
        self._write_json(layout.OWN, own)
        self._write_json(
            layout.INFO,
            {
                "codebase_version": layout.VERSION,
                "robot_type": robot or None,
                "total_episodes": len(self._episodes),
                "total_frames": self._rows,
                "total_tasks": len(self._tasks),
                "chunks_size": layout.CHUNK_FILES,
                "data_files_size_in_mb": layout.DATA_FILE_MB,
                "video_files_size_in_mb": layout.VIDEO_FILE_MB,
                "fps": self._fps,
                "splits": {"train": f"0:{len(self._episodes)}"},
                "data_path": layout.DATA,
                "video_path": layout.VIDEO,
                "features": self._features,
            },
        )

    def abandon(self) -> None:
        """Close the open file."""
        if self._table is not None:
            self._table.close()

    def _write_rows(self, columns: Mapping[str, NDArray[Any]]) -> None:
        pa = self._pa
        arrays = {}
        for name, values in columns.items():
            width = self._features[name]["shape"][0]
            flat = pa.array(np.ascontiguousarray(values).reshape(-1))
            arrays[name] = flat if width == 1 else pa.FixedSizeListArray.from_arrays(flat, width)
        table = pa.table(arrays)
        path = self._root / self._place.path(layout.DATA)
        if self._table is not None and path.stat().st_size > layout.DATA_FILE_MB << 20:
            self._table.close()
            self._place, self._table = self._place.next(), None
            path = self._root / self._place.path(layout.DATA)
        if self._table is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._table = self._pq.ParquetWriter(path, table.schema, compression="snappy")
        self._table.write_table(table)  # a row group for each episode, as lerobot writes

    def _write_tasks(self) -> None:
        """The text of a task is the index of pandas, as lerobot expects."""
        pa = self._pa
        table = pa.table({"task_index": pa.array(list(self._tasks.values()), pa.int64()), "task": list(self._tasks)})
        kinds = (("task_index", "int64", "int64"), ("task", "unicode", "object"))
        described = {
            "index_columns": ["task"],
            "column_indexes": [],
            "columns": [
                {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy_kind, "metadata": None}
                for name, kind, numpy_kind in kinds
            ],
            "creator": {"library": "pyarrow", "version": str(pa.__version__)},
            "pandas_version": "2.2.0",
        }
        self._pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(described)}), self._made(layout.TASKS))

    def _write_episodes(self, spans: Mapping[str, Sequence[Span]]) -> None:
        rows = []
        for number, episode in enumerate(self._episodes):
            row: dict[str, Any] = {
                "episode_index": number,
                "tasks": [episode.task],
                "length": episode.length,
                "data/chunk_index": episode.place.chunk,
                "data/file_index": episode.place.file,
                "dataset_from_index": episode.first_row,
                "dataset_to_index": episode.first_row + episode.length,
            }
            for key, found in spans.items():
                span = found[number]
                row |= {
                    f"videos/{key}/chunk_index": span.place.chunk,
                    f"videos/{key}/file_index": span.place.file,
                    f"videos/{key}/from_timestamp": span.from_s,
                    f"videos/{key}/to_timestamp": span.to_s,
                }
            row |= {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
            for key, stats in episode.stats.items():
                row |= {f"stats/{key}/{name}": value.tolist() for name, value in stats.items()}
            rows.append({**row, **episode.own})
        table = self._pa.Table.from_pylist(rows)
        self._pq.write_table(table, self._made(Place().path(layout.EPISODES)), compression="snappy")

    def _made(self, path: str) -> Path:
        whole = self._root / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        return whole

    def _write_json(self, path: str, values: dict[str, Any]) -> None:
        self._made(path).write_text(json.dumps(values, indent=4), encoding="utf-8")
