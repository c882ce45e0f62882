"""Renders objects to prepared data: train and test episodes, and a subfolder with canonical views of test objects."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.data.prepared.data import TABLE, VIEWS, PreparedData, read_table
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter, refuse_to_replace
from aassl_ros.errors import DataError
from aassl_ros.sim.bullet import require_pybullet
from aassl_ros.sim.categories import CATEGORIES
from aassl_ros.synth.drawing import Drawn, Task
from aassl_ros.synth.processes import draw_all
from aassl_ros.synth.settings import SynthSettings
from aassl_ros.synth.view_grid import view_names, view_poses

# Test objects are numbered from here, so that they do not change with the number of training objects.
FIRST_TEST_INDEX = 5000
_FRAME_NS = 100_000_000
_ROBOT = "synth"
# Size of the frames of one task: large enough to keep a process busy, small enough for memory.
_TASK_BYTES = 1 << 25

Progress = Callable[[int, int], None]
"""Called with the number of frames drawn so far, and the total."""


@dataclass(frozen=True)
class SynthReport:
    """What was made. already_there: the folder already contained the data of these settings, so nothing was done."""

    path: Path
    already_there: bool
    categories: int
    train_instances: int
    test_instances: int
    episodes: int
    frames: int
    views: int

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}


def synthesize(
    out: Path,
    settings: SynthSettings | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> SynthReport:
    """Make prepared data in the folder `out`, and canonical views in out/views.

    Does nothing if `out` already contains the data of these settings. An interruption leaves `out` as it was.

    Args:
        out: the folder to make.
        settings: what to draw; the defaults if None.
        force: replace `out`, whatever it contains.
        progress: called with the number of frames drawn so far, and the total.

    Raises:
        ConfigError: settings contradict each other.
        SimulationError: PyBullet is missing.
        DataError: `out` cannot be written.
    """
    settings = settings or SynthSettings()
    settings.check()
    if not force and _made_before(out, settings):
        return _report(out, settings, already_there=True)
    if not force:
        refuse_to_replace(out, drawn=False)
    require_pybullet()
    total = settings.all_episodes * settings.views
    _check_room(out, total * settings.image_size**2 * 3)
    tasks = _plan(settings)
    facts = {"synth": settings.frame_settings()}
    with ExitStack() as stack:
        writer = stack.enter_context(PreparedWriter(out, settings.image_size))
        grid = None
        if settings.test_instances:
            grid = stack.enter_context(PreparedWriter(writer.folder / VIEWS, settings.image_size))
        drawn = stack.enter_context(closing(draw_all(settings, tasks)))
        episodes = 0
        for task, pictures in zip(tasks, drawn, strict=True):
            _write(writer, task, pictures, episodes)
            if grid is not None and task.has_views:
                _write_views(grid, task, pictures)
            episodes += task.count
            progress(episodes * settings.views, total)
        if grid is not None:
            names = {"view_grid": view_poses()[:, 3:].tolist(), "view_names": view_names()}
            grid.finish(settings.fingerprint(), facts={**facts, **names})
        writer.finish(settings.fingerprint(), facts=facts)
    return _report(out, settings, already_there=False)


def _plan(settings: SynthSettings) -> list[Task]:
    """The tasks in the order of the data: training objects first, with the categories in turn."""
    categories = sorted(CATEGORIES)[: settings.categories]
    train = [(name, index, "train") for index in range(settings.instances) for name in categories]
    test = [(name, FIRST_TEST_INDEX + index, "test") for index in range(settings.test_instances)
            for name in categories]  # fmt: skip
    at_once = max(1, _TASK_BYTES // (settings.views * settings.image_size**2 * 3))
    tasks: list[Task] = []
    for name, index, instance_set in train + test:
        count = settings.test_episodes if instance_set == "test" else settings.episodes
        tasks += [
            Task(name, index, instance_set, first, min(at_once, count - first)) for first in range(0, count, at_once)
        ]
    return tasks


def _write(writer: PreparedWriter, task: Task, drawn: Drawn, before: int) -> None:
    """Write the episodes of a task. before: number of episodes already written.

    Each episode starts one second after the end of the last one.
    """
    for number, (frames, poses) in enumerate(zip(drawn.frames, drawn.poses, strict=True)):
        begin = (before + number) * (len(frames) + 10) * _FRAME_NS
        stamps = begin + np.arange(1, len(frames) + 1, dtype=np.int64) * _FRAME_NS
        writer.append_frames(frames)
        states = EpisodeStates(stamps, object_pose=poses)
        writer.add_episode(
            _ROBOT, f"{task.instance}-{task.first + number}", task.instance, task.category, task.set, states
        )


def _write_views(grid: PreparedWriter, task: Task, drawn: Drawn) -> None:
    grid.append_frames(drawn.views)
    stamps = np.arange(1, len(drawn.views) + 1, dtype=np.int64) * _FRAME_NS
    states = EpisodeStates(stamps, object_pose=view_poses())
    grid.add_episode(_ROBOT, f"{task.instance}-views", task.instance, task.category, task.set, states)


def _made_before(out: Path, settings: SynthSettings) -> bool:
    """Whether `out` contains the complete data of these settings."""
    if not (out / TABLE).exists():
        return False
    try:
        same = read_table(out)["fingerprint"] == settings.fingerprint()
        if same:
            PreparedData.open(out)
            if settings.test_instances:
                PreparedData.open(out / VIEWS)
    except (DataError, KeyError):
        return False  # damaged, or of an older version: make it again
    return same


def _check_room(out: Path, needed: int) -> None:
    """Raise DataError if the disk has no room for the frames, before any work is done."""
    place = out.absolute().parent
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DataError(
            f"{out} needs {needed / 1e9:.1f} GB, but {place} has {free / 1e9:.1f} GB free. Free some space, "
            "choose another folder, or reduce --instances, --episodes or --views."
        )


def _report(out: Path, settings: SynthSettings, *, already_there: bool) -> SynthReport:
    return SynthReport(
        path=out,
        already_there=already_there,
        categories=settings.categories,
        train_instances=settings.categories * settings.instances,
        test_instances=settings.categories * settings.test_instances,
        episodes=settings.all_episodes,
        frames=settings.all_episodes * settings.views,
        views=len(view_names()) if settings.test_instances else 0,
    )
