"""Imports a LeRobot dataset as a bag: frames, joint states, commands and episodes, at their true stamps if known."""

from __future__ import annotations

import json
import math
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros import __version__
from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_catalogue import SESSION, SETS
from aassl_ros.data.lerobot import layout
from aassl_ros.data.lerobot.bag_maker import BagMaker
from aassl_ros.data.lerobot.dataset_reader import EpisodeRow, LeRobotReader, Picture
from aassl_ros.data.lerobot.import_settings import ImportReport, ImportSettings
from aassl_ros.data.lerobot.picture_messages import encode_picture, encode_target, picture_type
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.errors import BagError, ConfigError, DataError

Progress = Callable[[int, int], None]
Ints = NDArray[np.int64]

# Where time begins if the dataset does not tell, and how far apart episodes are.
_START_NS = 1_000_000_000
_APART_S = 1.0


def import_lerobot(
    dataset: Path,
    out: Path,
    settings: ImportSettings | None = None,
    *,
    progress: Progress = lambda done, total: None,
) -> ImportReport:
    """Write a LeRobot dataset v3 as a bag.

    Args:
        dataset: the folder that holds meta/info.json.
        out: the bag to make.
        settings: the defaults if None.
        progress: called with the number of rows written so far, and the total.

    Returns:
        What was written.

    Raises:
        DataError: the dataset is damaged, or lacks joints or cameras.
        BagError: `out` exists or cannot be written.
        ConfigError: av or pyarrow is not installed, or a text names something unknown.
    """
    settings = settings or ImportSettings()
    reader = LeRobotReader(dataset)
    if out.exists():
        raise BagError(f"{out} exists already. Give another path or move it away: a bag is never overwritten.")
    try:
        return _Import(reader, out, settings, progress).run()
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise


@dataclass(frozen=True)
class _Camera:
    """A camera: its feature, its name and topic in the bag, and its column in our stamps (-1: none)."""

    key: str
    name: str
    topic: str
    column: int


class _Import:
    def __init__(self, reader: LeRobotReader, out: Path, settings: ImportSettings, progress: Progress) -> None:
        self._reader, self._out, self._settings, self._progress = reader, out, settings, progress
        info = reader.info
        if layout.STATE not in info.features:
            found = ", ".join(info.features)
            raise DataError(f"{reader.root} has no {layout.STATE}, which joint states are made from (found: {found}).")
        self._notes: list[str] = []
        self._true_stamps = layout.STAMPS in info.features and "cameras" in reader.own
        self._cameras = self._find_cameras()
        self._session = self._make_session()
        self._joints = info.names(layout.STATE)
        self._targets = info.names(layout.ACTION) if layout.ACTION in info.features else ()
        self._next_ns = _START_NS
        self._last: dict[str, int] = {}
        self._pictures = self._repeated = self._missing = 0

    def run(self) -> ImportReport:
        info, reader = self._reader.info, self._reader
        done = 0
        with BagMaker(self._out, self._session, self._settings.storage) as bag:
            for place, episode in enumerate(reader.episodes):
                following = reader.episodes[place + 1] if place + 1 < len(reader.episodes) else None
                previous = reader.episodes[place - 1] if place else None
                begins = previous is None or _identity(reader, previous) != _identity(reader, episode)
                ends = following is None or _identity(reader, following) != _identity(reader, episode)
                for _ in self._write(bag, episode, begins=begins, ends=ends):
                    done += 1
                    self._progress(done, info.frames)
            bag.close()
        return ImportReport(
            path=self._out,
            dataset=str(reader.root),
            episodes=len(reader.episodes),
            rows=done,
            pictures=self._pictures,
            repeated=self._repeated,
            missing=self._missing,
            true_stamps=self._true_stamps,
            notes=tuple(self._notes),
        )

    def _write(self, bag: BagMaker, episode: EpisodeRow, *, begins: bool, ends: bool) -> Iterator[None]:
        """Write an episode. Yields after each row."""
        rows = self._reader.rows(episode)
        stamps = self._stamps(episode, rows)
        shown = {camera.key: self._reader.pictures(episode, camera.key, rows) for camera in self._cameras}
        state, action = self._vectors(rows)
        filled = _table(rows, layout.FILLED, episode.length) if self._true_stamps else None
        commanded = _table(rows, layout.COMMANDED, episode.length) if self._true_stamps else None
        first = max(int(stamps[0].min()), 1)
        if begins:
            if not self._last and self._session.roles.robot_description:
                text = messages.encode_string(str(self._reader.own["robot_description"]))
                bag.add(self._session.roles.robot_description, messages.STRING, first, text)
            self._event(bag, first, self._start_of(episode, first))
        for row in range(episode.length):
            repeats = filled is not None and bool(filled[row, 0])
            now = int(stamps[row, 0])
            if action is not None and not repeats and (commanded is None or commanded[row, 0]):
                target = encode_target(now, self._targets, action[row])
                bag.add(self._session.roles.commands["arm"], messages.JOINT_TRAJECTORY, now, target)
            for column, camera in enumerate(self._cameras):
                picture = next(shown[camera.key])
                own = int(stamps[row, column])
                if filled is not None and filled[row, max(camera.column, 0)]:
                    self._repeated += 1
                else:
                    self._write_picture(bag, camera, own, picture)
            if not repeats:
                bag.add(
                    self._session.roles.joint_states,
                    messages.JOINT_STATE,
                    now,
                    messages.encode_joint_state(now, self._joints, state[row]),
                )
            yield
        last = int(stamps[-1].max()) + 1
        self._next_ns = last + round(max(_APART_S, 2 / self._reader.info.fps) * 1e9)
        if ends:
            self._event(bag, last, EpisodeEvent(_identity(self._reader, episode), last, "stop"))

    def _write_picture(self, bag: BagMaker, camera: _Camera, stamp_ns: int, picture: Picture | None) -> None:
        if picture is None:
            self._missing += 1
            why = f"the picture at {stamp_ns} ns cannot be decoded"
            bag.lose(camera.topic, picture_type(self._settings.images), why)
        elif stamp_ns > self._last.get(camera.topic, 0):  # at a split, both episodes may show the same picture
            self._last[camera.topic] = stamp_ns
            data = encode_picture(stamp_ns, f"{camera.name}_optical_frame", picture, self._settings.images)
            bag.add(camera.topic, picture_type(self._settings.images), stamp_ns, data)
            self._pictures += 1

    def _event(self, bag: BagMaker, time_ns: int, event: EpisodeEvent) -> None:
        bag.add(self._session.roles.episode, messages.STRING, time_ns, messages.encode_string(event.to_json()))

    def _start_of(self, episode: EpisodeRow, stamp_ns: int) -> EpisodeEvent:
        known = episode.values
        words = {"dataset": self._reader.root.name, "episode": episode.index, "task": episode.task}
        instance = str(known.get("aassl/instance") or _filled_in("instance", self._settings.instance, words))
        category = str(known.get("aassl/category") or _filled_in("category", self._settings.category, words))
        chosen = known.get("aassl/set")
        kind = str(chosen) if chosen in SETS else "train"
        return EpisodeEvent(_identity(self._reader, episode), stamp_ns, "start", instance, category or None, kind)

    def _stamps(self, episode: EpisodeRow, rows: Mapping[str, Any]) -> Ints:
        """Stamp of each row and camera, int64 [R, C], ns."""
        if self._true_stamps:
            held = _table(rows, layout.STAMPS, episode.length).astype(np.int64)
            columns = [camera.column for camera in self._cameras]
            if held.shape[1] <= max(columns) or (np.diff(held, axis=0) < 0).any() or (held < 0).any():
                raise DataError(f"{self._reader.root}: {layout.STAMPS} of episode {episode.index} goes backward.")
            return held[:, columns]
        times = np.asarray(rows.get("timestamp", np.arange(episode.length) / self._reader.info.fps), np.float64)
        times = times.reshape(episode.length)
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise DataError(f"{self._reader.root}: timestamp of episode {episode.index} does not increase.")
        stamps = self._next_ns + np.round((times - times[0]) * 1e9).astype(np.int64)
        return np.repeat(stamps[:, None], len(self._cameras), axis=1)

    def _vectors(self, rows: Mapping[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Joint positions and targets, float64 [R, J]."""
        factor = math.pi / 180 if self._settings.degrees else 1.0
        state = np.asarray(rows[layout.STATE], np.float64).reshape(-1, len(self._joints)) * factor
        if not self._targets:
            return state, None
        return state, np.asarray(rows[layout.ACTION], np.float64).reshape(-1, len(self._targets)) * factor

    def _find_cameras(self) -> list[_Camera]:
        info, own = self._reader.info, self._reader.own
        named = own.get("cameras") if isinstance(own.get("cameras"), dict) else {}
        columns = info.names(layout.STAMPS) if self._true_stamps else ()
        found: list[_Camera] = []
        for key in info.cameras():
            about = info.features[key].get("info") or {}
            if about.get("is_depth_map") or about.get("video.is_depth_map"):
                self._notes.append(f"{key} is left out: it is a depth map")
                continue
            short = key.removeprefix(layout.IMAGES)
            name = str((named or {}).get(key) or short)
            word = re.sub(r"\W", "_", short, flags=re.ASCII)
            word = word if word[:1].isalpha() or word[:1] == "_" else f"camera_{word}"
            topic = "/" + topics.image_topic(word, compressed=self._settings.images != "raw")
            column = columns.index(short) if short in columns else -1
            if self._true_stamps and column < 0:
                raise DataError(f"{self._reader.root}: {layout.STAMPS} has no column of {short}.")
            found.append(_Camera(key, name if "/" not in name else word, topic, column))
        if not found:
            raise DataError(f"{self._reader.root} has no camera (found: {', '.join(info.features)}).")
        if self._true_stamps:
            found.sort(key=lambda camera: camera.column)  # the first one has set the rows
        return found

    def _make_session(self) -> Session:
        info, own = self._reader.info, self._reader.own
        held = own.get("session")
        session = Session(info.robot or "robot", "", "", "", Roles({}, ""))
        if isinstance(held, dict):
            session = Session.from_json(json.dumps({"format": SESSION.version, **held}))
        roles = Roles(
            cameras={camera.name: camera.topic for camera in self._cameras},
            joint_states=f"/{topics.JOINT_STATES}",
            commands={"arm": f"/{topics.COMMAND}"} if layout.ACTION in info.features else {},
            episode=f"/{topics.EPISODE}",
            robot_description=f"/{topics.ROBOT_DESCRIPTION}" if own.get("robot_description") else "",
        )
        bracket_s = min(10.0, max(0.1, 1.5 / info.fps))
        versions = {**session.versions, "aassl_ros": __version__, "lerobot dataset": layout.VERSION}
        settings = {**session.settings, "max_bracket_s": bracket_s, "joint_stamp_offset_s": 0.0}
        settings |= {"frame_stamp_offset_s": 0.0, "command_stamp_offset_s": 0.0, "joint_publisher": 0}
        return replace(session, roles=roles, namespace="/", settings=settings, versions=versions)


def _identity(reader: LeRobotReader, episode: EpisodeRow) -> str:
    """The episode's id: ours, else made from the dataset's name and the number."""
    held = episode.values.get("aassl/id")
    if isinstance(held, str) and held:
        return held
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"lerobot {reader.root.name} {episode.index}"))


def _table(rows: Mapping[str, Any], name: str, length: int) -> NDArray[Any]:
    """One of our columns, as [R, C]. Raises DataError if it is missing."""
    if not isinstance(rows.get(name), np.ndarray):
        raise DataError(f"The rows have no column {name}, which {layout.OWN} promises.")
    return np.asarray(rows[name]).reshape(length, -1)


def _filled_in(setting: str, text: str, words: Mapping[str, Any]) -> str:
    try:
        return text.format(**words)
    except (LookupError, ValueError, AttributeError) as error:
        raise ConfigError(f"{setting} is {text!r}, expected a text that names only {', '.join(words)}.") from error
