"""Draws objects in several processes. The order of the results does not depend on their number."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from aassl_ros.errors import SimulationError
from aassl_ros.synth.drawing import Drawer
from aassl_ros.synth.household_drawing import HouseholdDrawer
from aassl_ros.synth.household_settings import HouseholdSettings
from aassl_ros.synth.plan import AnySettings
from aassl_ros.synth.task import Drawn, Task
from aassl_ros.worker_processes import available_cores, follow_parent

# Tasks drawn ahead of the writer for each process: enough that no process waits, few enough for memory.
_AHEAD = 3

_drawer: Drawer | HouseholdDrawer | None = None


def draw_all(settings: AnySettings, tasks: Sequence[Task]) -> Generator[Drawn, None, None]:
    """Draw all tasks. Yields their frames in order. Raises SimulationError if a process dies."""
    jobs = min(settings.jobs or available_cores(), len(tasks))
    if jobs <= 1:
        drawer = _new_drawer(settings)
        try:
            yield from map(drawer.draw, tasks)
        finally:
            drawer.close()
        return
    # Spawned, because a forked child would inherit the locks of our threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(settings,))
    try:
        coming: deque[Future[Drawn]] = deque()
        for task in tasks:
            coming.append(pool.submit(_draw, task))
            if len(coming) >= _AHEAD * jobs:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    except BrokenProcessPool as error:
        raise SimulationError(
            "a drawing process has died, most likely because memory ran out. Use fewer processes: --jobs 1."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(settings: AnySettings) -> None:
    global _drawer
    follow_parent()
    _drawer = _new_drawer(settings)


def _new_drawer(settings: AnySettings) -> Drawer | HouseholdDrawer:
    return HouseholdDrawer(settings) if isinstance(settings, HouseholdSettings) else Drawer(settings)


def _draw(task: Task) -> Drawn:
    assert _drawer is not None
    return _drawer.draw(task)
