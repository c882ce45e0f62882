"""Exports bags as one LeRobot dataset: a pass over each bag decides on the rows, a second one encodes the pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros import __version__
from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.data.lerobot import layout
from aassl_ros.data.lerobot.bag_rows import BagRows, Segment, read_rows
from aassl_ros.data.lerobot.dataset_writer import DatasetWriter
from aassl_ros.data.lerobot.optional import load
from aassl_ros.data.lerobot.settings import ExportCounts, ExportReport, ExportSettings
from aassl_ros.data.lerobot.video_bag import one_bag_only, open_bag
from aassl_ros.data.lerobot.video_writer import CODECS, Encoder, Picture, VideoFiles
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.stream_consumer import ANOTHER_SIZE
from aassl_ros.errors import BagError, ConfigError, DataError

Progress = Callable[[int, int], None]
"""Called with the number of pictures encoded so far, and the total."""


def export_lerobot(
    bags: Sequence[Path | Sequence[Path]],
    out: Path,
    settings: ExportSettings | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> ExportReport:
    """Write the episodes of bags as a LeRobot dataset v3.0.

    Args:
        bags: bags of the same cameras and joints.
        out: the folder to make.
        settings: the defaults if None.
        force: replace a dataset that is there.
        progress: called with the number of pictures encoded so far, and the total.

    Returns:
        What was written and what was left out.

    Raises:
        BagError: a bag is damaged, lacks something, or differs from the first.
        DataError: `out` exists, or a video cannot be written.
        ConfigError: av or pyarrow is not installed, or the task names something unknown.
    """
    settings = settings or ExportSettings()
    load("av"), load("pyarrow.parquet")
    _task(settings, "object", "category")
    one_bag_only(len(bags), settings.video)
    if out.exists() and not (force and (out / layout.INFO).is_file()):
        what = "Use --force to replace it" if (out / layout.INFO).is_file() else "Give another folder"
        raise DataError(f"{out} exists already. {what}.")
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    part.mkdir(parents=True)
    try:
        report = _Export(bags, out, part, settings, progress).run()
        if out.exists():
            shutil.rmtree(out)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return report


@dataclass
class _Shown:
    """What a camera's encoder found: the messages that cannot be shown, by number in the bag."""

    unreadable: dict[int, str]


class _Export:
    def __init__(
        self, bags: Sequence[Path | Sequence[Path]], out: Path, part: Path, settings: ExportSettings, progress: Progress
    ) -> None:
        self._bags, self._out, self._part, self._settings, self._progress = bags, out, part, settings, progress
        self._codec = CODECS[settings.codec]
        self._encoders: dict[str, Encoder] = {}
        self._writer: DatasetWriter | None = None
        self._counts = ExportCounts()
        self._done = 0

    def run(self) -> ExportReport:
        try:
            return self._run()
        except BaseException:
            for encoder in self._encoders.values():
                encoder.abandon()
            if self._writer is not None:
                self._writer.abandon()
            raise

    def _run(self) -> ExportReport:
        plans: list[BagRows] = []
        for bag in self._bags:
            with open_bag(bag, self._settings.video) as reader:
                plans.append(read_rows(reader, self._settings, plans[0].fps if plans else self._settings.fps))
                _check_alike(plans[0], plans[-1], reader.path)
        first = plans[0]
        keys = _camera_keys(first)
        sizes = {keys[name]: _even(size) for name, size in first.sizes.items()}
        self._writer = DatasetWriter(self._part, first.joints, sizes, first.fps, self._codec.format)
        threads = self._settings.threads or max(1, (os.cpu_count() or 1) // len(keys))
        for key, size in sizes.items():
            files = VideoFiles(self._part, key, size, first.fps, self._codec, self._settings.quality, threads)
            self._encoders[key] = Encoder(files)
        total = sum(plan.counts.rows * len(keys) for plan in plans)
        for bag, plan in zip(self._bags, plans, strict=True):
            with open_bag(bag, self._settings.video) as reader:
                shown = self._encode(reader, plan, keys, total)
                self._write_rows(plan, keys, shown, reader.path.name)
        spans = {key: encoder.finish() for key, encoder in self._encoders.items()}
        session = first.roles.session
        repo_id = self._settings.repo_id or self._out.name
        own = {
            "format": 1,
            "repo_id": repo_id,
            "made_by": f"aassl_ros {__version__}",
            "session": asdict(session),
            "cameras": {key: name for name, key in keys.items()},
            "robot_description": first.robot_description,
            "codec": {"name": self._settings.codec, "crf": self._settings.quality or self._codec.quality},
        }
        self._writer.finish(spans, session.robot, own)
        return ExportReport(
            path=self._out,
            repo_id=repo_id,
            fps=first.fps,
            cameras=tuple(keys),
            joints=first.joints.state,
            bags=tuple(str(bag if isinstance(bag, Path) else bag[0]) for bag in self._bags),
            counts=self._counts,
            notes=tuple([*_notes(self._bags, plans), *_odd(first)]),
        )

    def _encode(self, reader: BagReader, plan: BagRows, keys: dict[str, str], total: int) -> dict[str, _Shown]:
        """Read the pictures of a bag and give each to its camera's encoder. Waits until all are encoded."""
        feeds = {
            topic: _Feed(reader, plan.segments, column, plan.sizes[name])
            for column, (name, topic) in enumerate(plan.cameras.items())
        }
        encoder_of = {topic: self._encoders[keys[name]] for name, topic in plan.cameras.items()}
        for message in reader.messages(list(feeds)):
            rows = feeds[message.topic].take(message, encoder_of[message.topic])
            if rows:
                self._done += rows
                self._progress(self._done, total)
        for encoder in encoder_of.values():
            encoder.wait()
        return {plan_name: feeds[topic].shown for plan_name, topic in plan.cameras.items()}

    def _write_rows(self, plan: BagRows, keys: dict[str, str], shown: dict[str, _Shown], bag: str) -> None:
        assert self._writer is not None
        self._counts.add(plan.counts)
        for column, name in enumerate(plan.cameras):
            for number, why in shown[name].unreadable.items():
                rows = sum(int((segment.pictures[:, column] == number).sum()) for segment in plan.segments)
                self._counts.unreadable[f"{name}: {why}"] += rows
        for segment in plan.segments:
            episode = segment.episode
            stamps, filled = _as_shown(segment, [shown[name].unreadable for name in plan.cameras])
            columns: dict[str, NDArray[Any]] = {
                layout.STATE: segment.state.astype(np.float32),
                layout.ACTION: segment.action.astype(np.float32),
                layout.STAMPS: stamps,
                layout.FILLED: filled,
                layout.COMMANDED: segment.commanded.astype(np.int64),
            }
            own = {
                "aassl/id": episode.id,
                "aassl/robot": episode.robot,
                "aassl/instance": episode.instance,
                "aassl/category": episode.category or "",
                "aassl/set": episode.set,
                "aassl/bag": bag,
            }
            task = _task(self._settings, episode.instance, episode.category or "object")
            self._writer.add_episode(task, columns, own)


class _Feed:
    """Gives the messages of one camera to its encoder, each for the rows that show it."""

    def __init__(self, reader: BagReader, segments: Sequence[Segment], column: int, size: tuple[int, int]) -> None:
        self._reader, self._size = reader, size
        self._wanted = np.concatenate([segment.pictures[:, column] for segment in segments])
        lengths = [len(segment.filled) for segment in segments]
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self._starts = dict(zip(map(int, starts), lengths, strict=True))
        self._number = self._row = 0
        self._last: Picture = np.zeros((*size, 3), np.uint8)
        self.shown = _Shown({})

    def take(self, message: BagMessage, encoder: Encoder) -> int:
        """Take the camera's next message. Returns in how many rows it is shown."""
        number, first = self._number, self._row
        self._number += 1
        while self._row < len(self._wanted) and self._wanted[self._row] == number:
            self._row += 1
        rows = range(first, self._row)
        if rows:
            encoder.add(lambda files: self._write(files, message, number, rows))
        return len(rows)

    def _write(self, files: VideoFiles, message: BagMessage, number: int, rows: range) -> None:
        """In the encoder's thread: decode the picture and write it for each of its rows."""
        try:
            picture = messages.frame_from_message(self._reader.decode(message))
            if picture.shape[:2] != self._size:
                raise DataError(ANOTHER_SIZE)
            self._last = picture
        except DataError as error:
            self.shown.unreadable[number] = str(error)[:80]
        for row in rows:
            if row in self._starts:
                files.begin_episode(self._starts[row])
            files.add(self._last)


def _as_shown(segment: Segment, unreadable: Sequence[dict[int, str]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The stamps of the pictures that the videos show, and which of them repeat the row before, each int64 [R, C]."""
    stamps = segment.stamps_ns.copy()
    filled = np.zeros(stamps.shape, np.int64)
    filled[1:] = segment.pictures[1:] == segment.pictures[:-1]
    for column, numbers in enumerate(unreadable):
        for row in np.flatnonzero(np.isin(segment.pictures[:, column], list(numbers))):
            filled[row, column] = 1
            stamps[row, column] = stamps[row - 1, column] if row else 0
    return stamps, filled


def _camera_keys(plan: BagRows) -> dict[str, str]:
    keys = {name: layout.camera_key(name) for name in plan.cameras}
    if len(set(keys.values())) < len(keys):
        raise ConfigError(f"cameras {', '.join(keys)} have the same name in LeRobot. Choose some with --camera.")
    return keys


def _even(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def _odd(plan: BagRows) -> list[str]:
    return [
        f"pictures of {name} are {width} x {height}: the last row or column is repeated, because videos need even sizes"
        for name, (height, width) in plan.sizes.items()
        if (height, width) != _even((height, width))
    ]


def _check_alike(first: BagRows, other: BagRows, path: Path) -> None:
    """Raise BagError if a bag does not fit into the dataset of the first."""
    for what, mine, theirs in (
        ("cameras", first.sizes, other.sizes),
        ("joints", first.joints.state, other.joints.state),
        ("commanded joints", first.joints.action, other.joints.action),
    ):
        if mine != theirs:
            raise BagError(f"{path} has the {what} {theirs}, but the first bag has {mine}. Export them separately.")


def _notes(bags: Sequence[Path | Sequence[Path]], plans: Sequence[BagRows]) -> list[str]:
    paths = [bag if isinstance(bag, Path) else bag[0] for bag in bags]
    return [f"{path}: {note}" for path, plan in zip(paths, plans, strict=True) for note in plan.notes]


def _task(settings: ExportSettings, instance: str, category: str) -> str:
    try:
        return settings.task.format(category=category, instance=instance)
    except (LookupError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"task is {settings.task!r}, expected a text that names only {{category}} and {{instance}}."
        ) from error
