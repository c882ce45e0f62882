"""Runs the tasks of `aassl prepare` on a Ray cluster, one core per bag.

The folder of the output, and bags that are no URL, must have the same path on every machine, for example on a shared
disk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aassl_ros.data.prepare.bag_part import BagTask
from aassl_ros.data.prepare.processes import Advance, Stopped, failed, outcome, raise_first
from aassl_ros.errors import first_line
from aassl_ros.ray_cluster import RayCluster

_LOOK_EVERY_S = 0.5
_SECONDS_TO_END = 60.0
_RETRIES = 2  # if a machine or a process is lost


class OnRay:
    """Prepares bags as parts on a Ray cluster.

    address: as RayCluster takes it. Raises ConfigError if it is wrong or Ray is missing.
    """

    def __init__(self, address: str) -> None:
        self._cluster = RayCluster(address)

    def run(self, tasks: Sequence[BagTask], advance: Advance) -> None:
        """See Runner. Raises DataError if the cluster cannot be reached."""
        with self._cluster.connected():
            self._run([_anywhere(task) for task in tasks], advance)

    def _run(self, tasks: Sequence[BagTask], advance: Advance) -> None:
        ray = self._cluster.ray
        board = ray.remote(num_cpus=0)(_Board).remote()
        remote = ray.remote(num_cpus=1, max_retries=_RETRIES)(_prepare_there)
        pending = {remote.remote(task, board): number for number, task in enumerate(tasks)}
        outcomes, told = dict[int, str](), 0
        try:
            while pending:
                self._collect(pending, outcomes)
                now = ray.get(board.read.remote())
                advance(now - told)
                told = now
                if any(map(failed, outcomes.values())):
                    break
        finally:
            self._end(pending, outcomes, board)
        raise_first([outcomes[number] for number in sorted(outcomes)])

    def _collect(self, pending: dict[Any, int], outcomes: dict[int, str]) -> None:
        ray = self._cluster.ray
        ended, _ = ray.wait(list(pending), num_returns=1, timeout=_LOOK_EVERY_S)
        for reference in ended:
            number = pending.pop(reference)
            try:
                outcomes[number] = ray.get(reference)
            except ray.exceptions.RayError as error:
                outcomes[number] = f"data: a bag was lost by Ray: {first_line(error)}. Run the command again."

    def _end(self, pending: dict[Any, int], outcomes: dict[int, str], board: Any) -> None:
        """Ask all tasks to stop, wait for them, and kill those that do not."""
        if not pending:
            return
        self._cluster.ray.get(board.stop.remote())
        until = time.monotonic() + _SECONDS_TO_END
        while pending and time.monotonic() < until:
            self._collect(pending, outcomes)
        for reference in pending:
            self._cluster.ray.cancel(reference, force=True)


class _Board:
    """Counts frames, and knows whether the work must stop. Lives in the cluster."""

    def __init__(self) -> None:
        self._frames, self._stopped = 0, False

    def tell(self, frames: int) -> bool:
        self._frames += frames
        return self._stopped

    def read(self) -> int:
        return self._frames

    def stop(self) -> None:
        self._stopped = True


def _prepare_there(task: BagTask, board: Any) -> str:
    """Prepare a bag on a machine of the cluster. Returns its outcome."""
    import ray

    def tell(frames: int) -> None:
        if ray.get(board.tell.remote(frames)):
            raise Stopped

    try:
        tell(0)
    except Stopped:
        return ""
    return outcome(task, tell)


def _anywhere(task: BagTask) -> BagTask:
    """The task with absolute paths: processes of the cluster have another working directory."""
    bag = task.bag.absolute() if isinstance(task.bag, Path) else task.bag
    return replace(task, bag=bag, folder=task.folder.absolute())
