"""Renders objects to prepared data: train and test episodes, and a subfolder with canonical views of test objects."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.data.prepared.data import OTHER, TABLE, VIEWS, PreparedData, read_table
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter, refuse_to_replace
from aassl_ros.errors import DataError
from aassl_ros.sim.bullet import require_pybullet
from aassl_ros.synth.plan import AnySettings, count_frames, plan
from aassl_ros.synth.processes import draw_all
from aassl_ros.synth.settings import SynthSettings
from aassl_ros.synth.task import Drawn, Task
from aassl_ros.synth.view_grid import view_names, view_poses

_FRAME_NS = 100_000_000
_ROBOT = "synth"

Progress = Callable[[int, int], None]
"""Called with the number of frames drawn so far, and the total."""


@dataclass(frozen=True)
class SynthReport:
    """What was made. already_there: the folder already contained the data of these settings, so nothing was done.

    views: canonical views of each object of the grid. other_categories, other_frames: of the second set.
    """

    path: Path
    already_there: bool
    categories: int
    train_instances: int
    test_instances: int
    episodes: int
    frames: int
    views: int
    other_categories: int = 0
    other_frames: int = 0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}


def synthesize(
    out: Path,
    settings: AnySettings | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> SynthReport:
    """Make prepared data in the folder `out`, canonical views in out/views, and a second set, if any, in out/other.

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
    if force or not (out / TABLE).exists():
        _check_room(out, count_frames(settings) * settings.image_size**2 * 3)
    tasks = plan(settings)
    if not force and _made_before(out, settings, tasks):
        return _report(out, tasks, already_there=True)
    if not force:
        refuse_to_replace(out, drawn=False)
    require_pybullet()
    total = sum(task.frames for task in tasks)
    facts = {"synth": settings.frame_settings()}
    with ExitStack() as stack:
        writer = stack.enter_context(PreparedWriter(out, settings.image_size))
        grid = other = None
        if any(task.has_views for task in tasks):
            grid = stack.enter_context(PreparedWriter(writer.folder / VIEWS, settings.image_size))
        if any(task.is_other for task in tasks):
            other = stack.enter_context(PreparedWriter(writer.folder / OTHER, settings.image_size))
        drawn = stack.enter_context(closing(draw_all(settings, tasks)))
        done = 0
        for task, pictures in zip(tasks, drawn, strict=True):
            _write(other if other is not None and task.is_other else writer, task, pictures)
            if grid is not None and task.has_views:
                _write_views(grid, task, pictures)
            done += task.frames
            progress(done, total)
        if grid is not None:
            names = {"view_grid": view_poses()[:, 3:].tolist(), "view_names": view_names()}
            grid.finish(settings.fingerprint(), facts={**facts, **names})
        if other is not None:
            other.finish(settings.fingerprint(), facts=facts)
        writer.finish(settings.fingerprint(), facts=facts)
    return _report(out, tasks, already_there=False)


def _write(writer: PreparedWriter, task: Task, drawn: Drawn) -> None:
    """Write the episodes of a task. Each episode starts one second after the end of the last one."""
    for number, (frames, poses) in enumerate(zip(drawn.frames, drawn.poses, strict=True)):
        episodes, frames_before = writer.episodes_added, writer.frames_written
        begin = (frames_before + 10 * episodes) * _FRAME_NS
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


def _made_before(out: Path, settings: AnySettings, tasks: list[Task]) -> bool:
    """Whether `out` contains the complete data of these settings."""
    if not (out / TABLE).exists():
        return False
    try:
        same = read_table(out)["fingerprint"] == settings.fingerprint()
        if same:
            PreparedData.open(out)
            if any(task.has_views for task in tasks):
                PreparedData.open(out / VIEWS)
            if any(task.is_other for task in tasks):
                PreparedData.open(out / OTHER)
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


def _report(out: Path, tasks: list[Task], *, already_there: bool) -> SynthReport:
    main, other = [task for task in tasks if not task.is_other], [task for task in tasks if task.is_other]
    return SynthReport(
        path=out,
        already_there=already_there,
        categories=len({task.category for task in main}),
        train_instances=len({task.instance for task in main if task.set == "train"}),
        test_instances=len({task.instance for task in main if task.set == "test"}),
        episodes=sum(task.count for task in main),
        frames=sum(task.frames for task in main),
        views=len(view_names()) if any(task.has_views for task in main) else 0,
        other_categories=len({task.category for task in other}),
        other_frames=sum(task.frames for task in other),
    )
