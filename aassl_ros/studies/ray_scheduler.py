"""Runs on a Ray cluster: one core per run, or one GPU if there are any. Ray is an extra: pip install aassl_ros[ray].

DATA and DIR must have the same path on every machine, for example on a shared disk: a run saves its checkpoints there,
and resumes from them if its machine is lost.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from aassl_ros.errors import AasslError, first_line
from aassl_ros.ray_cluster import RayCluster
from aassl_ros.studies.progress import Board, Interrupted, Show, Standing, Steps
from aassl_ros.studies.run import RESULT, Outcome, RunSpec, execute, name_of, read_result, write_json

_LOOK_EVERY_S = 0.5
_TELL_EVERY_S = 1.0
_SECONDS_TO_SAVE = 60.0
_RETRIES = 2  # if a machine or a process is lost


class RayScheduler:
    """Executes runs on a Ray cluster."""

    def __init__(self, address: str) -> None:
        """address: of the cluster's head, HOST:PORT or ray://HOST:PORT; "auto": the cluster of this machine; "local":
        start one on this machine.

        Raises ConfigError if the address is none of these, or if Ray is missing.
        """
        self._cluster = RayCluster(address)
        self._ray: Any = self._cluster.ray

    def run(self, specs: Sequence[RunSpec], show: Show, stop: Callable[[], bool]) -> dict[str, Outcome]:
        """Execute runs, see Scheduler. Raises DataError if the cluster cannot be reached."""
        with self._cluster.connected():
            return self._run(specs, show, stop)

    def _run(self, specs: Sequence[RunSpec], show: Show, stop: Callable[[], bool]) -> dict[str, Outcome]:
        ray = self._ray
        gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
        board = ray.remote(num_cpus=0)(Board).remote()
        remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)(executed)
        device = "cuda" if gpus else "cpu"
        pending = {remote.remote(replace(spec, device=device), board): spec for spec in specs}
        standing, outcomes = Standing(len(specs)), dict[str, Outcome]()
        try:
            while pending:
                self._collect(pending, standing, outcomes, _LOOK_EVERY_S)
                standing.running = ray.get(board.read.remote())
                show(standing)
                if stop():
                    raise Interrupted
        except BaseException:
            ray.get(board.stop.remote())
            self._end(pending, standing, outcomes)
            raise
        return outcomes

    def _collect(
        self, pending: dict[Any, RunSpec], standing: Standing, outcomes: dict[str, Outcome], seconds: float
    ) -> None:
        """Collect the runs that end within `seconds`."""
        ended, _ = self._ray.wait(list(pending), num_returns=1, timeout=seconds)
        for reference in ended:
            spec = pending.pop(reference)
            try:
                outcome: Outcome | None = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                outcome = f"failed because of a fault in aassl_ros: {error.cause!r}"
            except self._ray.exceptions.RayError as error:
                outcome = f"lost by Ray: {first_line(error)}"
            if outcome is None:
                continue  # interrupted
            if not isinstance(outcome, str) and read_result(spec) is None:
                write_json(spec.folder / RESULT, outcome)  # from a machine that does not share this disk
            standing.finished += 1
            standing.failed += isinstance(outcome, str)
            outcomes[name_of(spec)] = outcome

    def _end(self, pending: dict[Any, RunSpec], standing: Standing, outcomes: dict[str, Outcome]) -> None:
        """Let all runs save and end, as the board asks them to, then kill those that still run.

        ray.cancel without force is not used: it raises KeyboardInterrupt wherever the process is, for example in an
        import. The process then stays in use, with half an import, and each later run in it fails.
        """
        until = time.monotonic() + _SECONDS_TO_SAVE
        while pending and time.monotonic() < until:
            self._collect(pending, standing, outcomes, _LOOK_EVERY_S)
        for reference in pending:
            self._ray.cancel(reference, force=True)


def executed(spec: RunSpec, board: Any) -> Outcome | None:
    """Execute a run on a machine of the cluster. Returns its result, or why it failed; None if it was stopped."""
    watch = _BoardWatch(board, name_of(spec))
    try:
        watch.show(0, spec.length, "starting")
        return None if watch.stop() else execute(spec, watch)
    except Interrupted:
        return None
    except AasslError as error:
        return f"{error} (on {socket.gethostname()})"
    finally:
        board.end.remote(name_of(spec))


class _BoardWatch:
    """Reports progress to the board once a second, and asks it if the run must stop."""

    def __init__(self, board: Any, name: str) -> None:
        self._board, self._name = board, name
        self._told, self._stopped = 0.0, False

    def show(self, done: int, total: int, note: str) -> None:
        import ray

        if time.monotonic() - self._told > _TELL_EVERY_S:
            self._told = time.monotonic()
            self._stopped = ray.get(self._board.tell.remote(self._name, Steps(done, total, note)))

    def stop(self) -> bool:
        return self._stopped
