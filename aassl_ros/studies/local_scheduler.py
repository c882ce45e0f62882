"""Runs on this machine: one worker process per core, or per GPU; each executes one run at a time.

One single-threaded run per core is faster than one run on all cores: threads of small networks wait for each other.
A worker executes many runs, because loading torch takes seconds. It listens to its pipe: it stops on request,
and when the program that started it has ended.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from aassl_ros.errors import AasslError, first_line
from aassl_ros.studies.progress import Interrupted, Show, Standing, Steps
from aassl_ros.studies.run import Outcome, RunSpec, execute, name_of

_LOOK_EVERY_S = 0.2  # for a request to stop
_TELL_EVERY_S = 0.2
_SECONDS_TO_SAVE = 60.0
"""How long a worker may take to stop before it is killed; its last checkpoint remains."""


def places(jobs: int = 0) -> list[str]:
    """Return the device of each worker. jobs: their number; 0: one per GPU, or one per core if there is no GPU."""
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return [f"cuda:{number % count}" for number in range(jobs or count)]
    return ["cpu"] * (jobs or len(os.sched_getaffinity(0)))


class LocalScheduler:
    """Executes runs in processes of this machine."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._devices = devices

    def run(self, specs: Sequence[RunSpec], show: Show, stop: Callable[[], bool]) -> dict[str, Outcome]:
        """Execute runs, see Scheduler. A run that fails, or whose process dies, does not stop the others."""
        waiting, outcomes = deque(specs), dict[str, Outcome]()
        standing = Standing(len(specs))
        workers = [_Worker(device) for device in self._devices[: len(specs)]]
        try:
            while waiting or any(worker.busy for worker in workers):
                for worker in workers:
                    if waiting and not worker.busy:
                        worker.begin(waiting.popleft(), standing)
                wait([worker.pipe for worker in workers], _LOOK_EVERY_S)
                for worker in workers:
                    worker.hear(standing, outcomes)
                show(standing)
                if stop():
                    raise Interrupted
        finally:
            _end(workers)
        return outcomes


class _Worker:
    """The parent's side of a process that executes runs."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._spec: RunSpec | None = None
        self._start()

    @property
    def busy(self) -> bool:
        return self._spec is not None

    def begin(self, spec: RunSpec, standing: Standing) -> None:
        """Start a run in the worker."""
        if not self.process.is_alive():
            self._start()
        self._spec = replace(spec, device=self._device)
        with contextlib.suppress(OSError):  # it has just died: `hear` will notice
            self.pipe.send(self._spec)
        standing.running[name_of(spec)] = Steps(0, 0, "starts")

    def hear(self, standing: Standing, outcomes: dict[str, Outcome]) -> None:
        """Read the worker's messages. If its process died, its run has failed, and a new process is started."""
        try:
            while self.pipe.poll():
                kind, content = self.pipe.recv()
                if kind == "steps" and self._spec is not None:
                    standing.running[name_of(self._spec)] = content
                elif kind in ("result", "failure"):
                    self._finish(content, standing, outcomes)
        except (EOFError, OSError):
            self.process.join()
            if self._spec is not None:
                self._finish(f"its process ended ({_how(self.process.exitcode)})", standing, outcomes)
            self._start()

    def tell_to_stop(self) -> None:
        with contextlib.suppress(OSError):
            self.pipe.send(None)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs,))
        with _one_thread_in_children():
            self.process.start()
        theirs.close()

    def _finish(self, outcome: Outcome, standing: Standing, outcomes: dict[str, Outcome]) -> None:
        if self._spec is None:
            return
        name, self._spec = name_of(self._spec), None
        standing.running.pop(name, None)
        standing.finished += 1
        standing.failed += isinstance(outcome, str)
        outcomes[name] = outcome


def _end(workers: Sequence[_Worker]) -> None:
    """Let all workers save and end, and kill those that do not. No process is left, whatever is raised meanwhile."""
    try:
        for worker in workers:
            worker.tell_to_stop()
        until = time.monotonic() + _SECONDS_TO_SAVE
        for worker in workers:
            worker.process.join(max(0.0, until - time.monotonic()))
    finally:
        for worker in workers:
            if worker.process.is_alive():
                worker.process.kill()
            worker.process.join()


def _work(pipe: Connection) -> None:
    """Main function of a worker process: execute runs until it is asked to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to every process of the terminal; the parent handles it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    watch = _PipeWatch(pipe)
    with contextlib.suppress(EOFError, OSError, Interrupted):
        while (spec := pipe.recv()) is not None:
            pipe.send(_executed(spec, watch))


def _executed(spec: RunSpec, watch: _PipeWatch) -> tuple[str, Any]:
    try:
        return "result", execute(spec, watch)
    except Interrupted:
        raise
    except AasslError as error:
        return "failure", str(error)
    except Exception as error:  # one run must not end the study: out of memory, a bug
        return "failure", f"{type(error).__name__}: {first_line(error)}"


class _PipeWatch:
    """Reports progress to the parent some times a second; stops if the parent says so or has ended."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._told = 0.0

    def show(self, done: int, total: int, note: str) -> None:
        if time.monotonic() - self._told > _TELL_EVERY_S:
            self._told = time.monotonic()
            self._pipe.send(("steps", Steps(done, total, note)))

    def stop(self) -> bool:
        return self._pipe.poll()  # during a run, the only messages are the one to stop and the end of the pipe


@contextlib.contextmanager
def _one_thread_in_children() -> Iterator[None]:
    """Set OMP_NUM_THREADS=1 for processes that are started in this context; torch reads it when it is loaded."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {-code}" + (", out of memory?" if code == -signal.SIGKILL else "")
    return f"exit status {code}"
