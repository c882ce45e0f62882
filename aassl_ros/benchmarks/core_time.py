"""How much of a core a thread had, and how fast training went on it.

A thread that is ready to run but waits for a core, because other programs have it, was not given that core. Any other
wait, for example for the interpreter's lock, is the program's own loss. Linux counts both in /proc/PID/task/TID.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from aassl_ros.errors import RosError
from aassl_ros.learning.compute.thread_priority import lower_priority
from aassl_ros.learning.training.run_log import LOG

_NICE_FIELD, _AFTER_NAME = 19, 3
_POLL_S, _LINE_S = 0.005, 120.0


@dataclass(frozen=True)
class Pace:
    """What a training thread did in a time.

    steps: updates; wall_s: seconds that passed; ran_s: on a core; queued_s: ready, but without a core.
    """

    steps: int
    wall_s: float
    ran_s: float
    queued_s: float

    @property
    def per_s(self) -> float:
        """Updates per second."""
        return self.steps / self.wall_s

    @property
    def per_core_s(self) -> float:
        """Updates per second in which the thread could have had a core."""
        return self.steps / (self.wall_s - self.queued_s)

    def __add__(self, other: Pace) -> Pace:
        return Pace(
            self.steps + other.steps,
            self.wall_s + other.wall_s,
            self.ran_s + other.ran_s,
            self.queued_s + other.queued_s,
        )


@dataclass(frozen=True)
class Mark:
    """The state of a training thread at the end of an update."""

    step: int
    at_s: float
    ran_s: float
    queued_s: float

    def until(self, later: Mark) -> Pace:
        """What the thread did from this mark to a later one."""
        return Pace(
            later.step - self.step,
            later.at_s - self.at_s,
            later.ran_s - self.ran_s,
            later.queued_s - self.queued_s,
        )


def mark_thread(step: int, process: int, thread: int) -> Mark:
    """Mark the state of a thread that has made `step` updates. process, thread: their ids."""
    ran_ns, queued_ns, _ = Path(f"/proc/{process}/task/{thread}/schedstat").read_text().split()
    return Mark(step, time.monotonic(), int(ran_ns) * 1e-9, int(queued_ns) * 1e-9)


def busiest_thread(process: int, nice: int) -> int:
    """The id of the thread with this niceness that has run longest. Raises RosError if there is none."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        if int(fields[_NICE_FIELD - _AFTER_NAME]) == nice:
            found.append((int((task / "schedstat").read_text().split()[0]), int(task.name)))
    if not found:
        raise RosError(f"process {process} has no thread of niceness {nice}, expected the trainer's.")
    return max(found)[1]


def mark_trainer(run: Path, process: int, thread: int) -> Mark:
    """Wait for the next line in the log of an online run, and mark its training thread then.

    Raises RosError if no line comes.
    """
    until, before = time.monotonic() + _LINE_S, _last_step(run)
    while (step := _last_step(run)) == before:
        if time.monotonic() > until:
            raise RosError(f"{run / LOG} got no new line in {_LINE_S:g} s: the trainer makes no updates.")
        time.sleep(_POLL_S)
    return mark_thread(step, process, thread)


def pace_alone(once: Callable[[], None], seconds: float, *, nice: int) -> Pace:
    """Repeat a training step in a thread of its own, with one thread of torch, as the trainer node does.

    Args:
        once: makes one update.
        seconds: how long, after two updates of warm-up.
        nice: the thread's niceness.
    """
    paces: list[Pace] = []

    def work() -> None:
        torch.set_num_threads(1)
        lower_priority(nice)
        process, thread, steps = os.getpid(), threading.get_native_id(), 0
        for _ in range(2):
            once()
        begun = mark_thread(0, process, thread)
        while time.monotonic() < begun.at_s + seconds or steps == 0:
            once()
            steps += 1
        paces.append(begun.until(mark_thread(steps, process, thread)))

    thread = threading.Thread(target=work, name="offline training")
    thread.start()
    thread.join()
    if not paces:
        raise RosError("the offline training failed; its error is shown above.")
    return paces[0]


def _last_step(run: Path) -> int:
    """The number of updates in the last whole line of a run's log; 0 before the first."""
    try:
        with open(run / LOG, "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().split(b"\n")[:-1]
        return int(json.loads(lines[-1])["step"]) if lines else 0
    except (OSError, ValueError, KeyError):
        return 0
