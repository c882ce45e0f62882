"""Runs the tasks of `aassl prepare` in this process or in several. The result does not depend on their number."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

import cv2

from aassl_ros.data.prepare.bag_part import BagTask, prepare_bag
from aassl_ros.errors import AasslError, BagError, ConfigError, DataError
from aassl_ros.worker_processes import follow_parent

_LOOK_EVERY_S = 0.2
# A worker tells its progress, and asks if it must stop, after this time.
_TELL_EVERY_S = 0.1

Advance = Callable[[int], None]
"""Called with the number of frames read since its last call."""


class Runner(Protocol):
    """Prepares bags as parts.

    run raises the error of the first task, by order, that failed; finished parts stay in place.
    """

    def run(self, tasks: Sequence[BagTask], advance: Advance) -> None: ...


class InProcess:
    """Prepares one bag after the other in this process."""

    def run(self, tasks: Sequence[BagTask], advance: Advance) -> None:
        for task in tasks:
            prepare_bag(task, advance)


class InProcesses:
    """Prepares bags in several processes. In a `with` block, the processes are kept for the next run.

    workers: their number.
    """

    def __init__(self, workers: int) -> None:
        # Spawned, because a forked child would inherit the locks of our threads.
        context = multiprocessing.get_context("spawn")
        self._read, self._stop = context.Value("q", 0), context.Event()
        arguments = (self._read, self._stop)
        self._pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=arguments)
        self._kept = False

    def __enter__(self) -> InProcesses:
        self._kept = True
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def run(self, tasks: Sequence[BagTask], advance: Advance) -> None:
        self._read.value, told = 0, 0
        self._stop.clear()
        try:
            futures = [self._pool.submit(_prepare, task) for task in tasks]
            pending: set[Future[str]] = set(futures)
            while pending:
                _, pending = wait(pending, _LOOK_EVERY_S, FIRST_COMPLETED)
                now = self._read.value
                advance(now - told)
                told = now
                if any(future.done() and failed(future.result()) for future in futures):
                    self._stop.set()
                    break
            raise_first([future.result() for future in futures if not future.cancel()])
        except BrokenProcessPool as error:
            raise DataError(
                "a process of aassl prepare has died, most likely because memory ran out. Use fewer: --workers 1. "
                "What was finished is not prepared again."
            ) from error
        except BaseException:
            self._stop.set()
            raise
        finally:
            if not self._kept:
                self._end()

    def _end(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


class Stopped(Exception):  # not an error
    """The work of this process must stop."""


_read: Any = None
_stop: Any = None
_STOPPED = "stopped"


def _begin(read: Any, stop: Any) -> None:
    global _read, _stop
    follow_parent()
    cv2.setNumThreads(1)  # there is a process for each core
    _read, _stop = read, stop


def _prepare(task: BagTask) -> str:
    def tell(frames: int) -> None:
        with _read.get_lock():
            _read.value += frames
        if _stop.is_set():
            raise Stopped

    return outcome(task, tell)


def outcome(task: BagTask, tell: Advance) -> str:
    """Prepare a bag. Returns an empty text, the error as text (see `raise_first`), or that the work was stopped.

    tell: called a few times a second, as `prepare_bag` calls `advance`; it may raise Stopped.
    """
    frames, told = 0, time.monotonic()

    def advance(more: int) -> None:
        nonlocal frames, told
        frames += more
        if time.monotonic() - told > _TELL_EVERY_S:
            tell(frames)
            frames, told = 0, time.monotonic()

    try:
        prepare_bag(task, advance)
        tell(frames)
    except Stopped:
        return _STOPPED
    except AasslError as error:
        # As text, because exceptions with other arguments cannot be sent between processes.
        return f"{next((kind for kind in _ERRORS if isinstance(error, _ERRORS[kind])), 'data')}: {error}"
    return ""


_ERRORS = {"bag": BagError, "config": ConfigError, "data": DataError}


def failed(said: str) -> bool:
    """Whether a task failed, from its outcome."""
    return bool(said) and said != _STOPPED


def raise_first(outcomes: Sequence[str]) -> None:
    """Raise the first error among outcomes, if there is one."""
    for said in filter(failed, outcomes):
        kind, _, text = said.partition(": ")
        raise _ERRORS[kind](text)
