"""What a soak checks: checkpoints, bags, memory and progress. Each is told in the log as soon as it is found."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovery import recover_in_place
from aassl_ros.data.interfaces.json_records import CheckpointNews
from aassl_ros.errors import BagError, CheckpointError, TrainingError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.compute.process_memory import memory_bytes

COUNTERS = {"simulator": "speed", "recorder": "frames_written", "trainer": "step", "evaluator": "answers"}
"""A value of each node's diagnostics that changes while it works; of the explorer, the episodes count."""
_COMPARED_S = 30.0
_SILENT_S = 30.0


class SoakLog:
    """Writes one JSON object a line, with the seconds since the start. Use it as a context manager."""

    def __init__(self, path: Path | None) -> None:
        self._stream = open(path or os.devnull, "w", buffering=1, encoding="utf-8")  # noqa: SIM115  # see __exit__
        self._begun = time.monotonic()

    def __enter__(self) -> SoakLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, event: str, **facts: Any) -> None:
        """Write one line."""
        self._stream.write(json.dumps({"s": round(time.monotonic() - self._begun, 1), "event": event, **facts}) + "\n")


class CheckpointCheck:
    """Loads every announced checkpoint, and sees that a restarted trainer continues after the last one.

    announced: their number; lost: what is wrong with any of them.
    """

    def __init__(self, log: SoakLog) -> None:
        self._log = log
        self._seen = 0
        self.announced = 0
        self.lost: list[str] = []
        self._last: CheckpointNews | None = None

    def add(self, news: Sequence[CheckpointNews]) -> None:
        """Look at the announcements so far."""
        for one in news[self._seen :]:
            self._seen += 1
            if self._last is None or one.digest != self._last.digest:
                self._look_at(one)

    def check_last(self) -> None:
        """Load the newest checkpoint again: it must still be there."""
        if self._last is not None:
            self._load(self._last)

    def _look_at(self, news: CheckpointNews) -> None:
        self.announced += 1
        if self._last is not None and news.step < self._last.step:
            self._lose(f"step {news.step} came after step {self._last.step}: a checkpoint was forgotten")
        self._last = news
        self._load(news)

    def _load(self, news: CheckpointNews) -> None:
        try:
            loaded = load_checkpoint(news.path)
            loaded.read_state()
        except CheckpointError as error:
            self._lose(str(error))
            return
        if loaded.digest != news.digest:
            self._lose(f"{news.path} has the digest {loaded.digest[:12]}, announced was {news.digest[:12]}")

    def _lose(self, what: str) -> None:
        self.lost.append(what)
        self._log.write("checkpoint lost", what=what)


class MemoryWatch:
    """Compares the memory of each process after its warm-up with that at its end.

    compared: number of processes that lived long enough; worst: the largest growth, a share; worst_of: whose it is.
    """

    def __init__(self, log: SoakLog, warm_up_s: float) -> None:
        self._log, self._warm_up_s = log, warm_up_s
        self._samples: dict[str, list[tuple[float, float]]] = {}
        self.compared = 0
        self.worst = 0.0
        self.worst_of = ""

    def sample(self, name: str, process: int) -> None:
        """Note the memory of a node's process now: only its own pages, libraries are shared."""
        try:
            own_mb = memory_bytes("RssAnon", process) / 2**20
        except (OSError, TrainingError):  # it has just ended
            return
        self._samples.setdefault(name, []).append((time.monotonic(), own_mb))

    def end(self, name: str) -> None:
        """A process has ended: compare, if it lived long enough."""
        samples = self._samples.pop(name, [])
        if not samples:
            return
        born, died = samples[0][0], samples[-1][0]
        warm = [mb for at, mb in samples if self._warm_up_s <= at - born < self._warm_up_s + _COMPARED_S]
        last = [mb for at, mb in samples if died - at < _COMPARED_S]
        if died - born < self._warm_up_s + 2 * _COMPARED_S or not warm:
            return
        before, after = statistics.median(warm), statistics.median(last)
        growth = after / before - 1
        self.compared += 1
        facts = {"lived_s": round(died - born), "warm_mb": round(before, 1), "last_mb": round(after, 1)}
        self._log.write("memory", node=name, **facts, growth=round(growth, 4), each_minute_mb=_each_minute(samples))
        if growth > self.worst:
            self.worst, self.worst_of = growth, f"{name}, {died - born:.0f} s"

    def end_all(self) -> None:
        """Compare all processes, at the end."""
        for name in list(self._samples):
            self.end(name)


def _each_minute(samples: list[tuple[float, float]]) -> list[float]:
    """The first memory of each minute, MB. samples: (time in s, MB)."""
    by_minute: dict[int, float] = {}
    for at, mb in samples:
        by_minute.setdefault(int((at - samples[0][0]) // 60), round(mb, 1))
    return list(by_minute.values())


class ProgressWatch:
    """Sees that every node works: its diagnostics come, and a counter in them changes.

    stuck: nodes that made no progress for too long, each time once. longest_s: from a restart to the first progress.
    """

    def __init__(self, log: SoakLog, stuck_s: float) -> None:
        self._log, self._stuck_s = log, stuck_s
        self._names = (*COUNTERS, "explorer")
        self.stuck: list[str] = []
        self.longest_s = 0.0
        self.forget()

    def forget(self) -> None:
        """Wait for the progress of every node again."""
        now = time.monotonic()
        self._moved_s = dict.fromkeys(self._names, now)
        self._counts: dict[str, str] = {}
        self._waiting = dict.fromkeys(self._names, now)

    def restarted(self, name: str) -> None:
        """A node was started again; the others may have to wait for it."""
        now = time.monotonic()
        self._moved_s = dict.fromkeys(self._names, now)
        self._counts.pop(name, None)
        self._waiting[name] = now

    def all_work(self) -> bool:
        """Whether every node has made progress since it was started."""
        return not self._waiting

    def look(self, monitor: Any) -> None:
        """Compare the counters with those before."""
        now = time.monotonic()
        for name in self._names:
            count = self._count(name, monitor)
            if count is not None and count != self._counts.get(name):
                if name in self._counts and (since := self._waiting.pop(name, None)) is not None:
                    self.longest_s = max(self.longest_s, now - since)
                    self._log.write("works", node=name, after_s=round(now - since, 1))
                self._counts[name], self._moved_s[name] = count, now
            elif now - self._moved_s[name] > self._stuck_s:
                said = monitor.values(name).get("message", "no diagnostics")
                self.stuck.append(name)
                self._log.write("stuck", node=name, for_s=round(now - self._moved_s[name]), said=said)
                self._moved_s[name] = now

    def _count(self, name: str, monitor: Any) -> str | None:
        """The counter of a node, None if its diagnostics are silent or older than its start."""
        if name == "explorer":
            return str(len(monitor.episodes))
        fresh = monitor.heard_s(name) > max(time.monotonic() - _SILENT_S, self._waiting.get(name, 0.0))
        return monitor.values(name).get(COUNTERS[name]) if fresh else None


def check_bags(folder: Path, log: SoakLog) -> tuple[int, list[str]]:
    """Recover each bag in a folder where needed, read all of its messages, and remove it.

    Returns their number, and what is wrong with those that cannot be read.
    """
    problems = []
    bags = sorted(path for path in folder.glob("*") if path.is_dir())
    for bag in bags:
        try:
            recover_in_place(bag)
            with BagReader(bag) as reader:
                messages = sum(1 for _ in reader.messages(verify=True))
            log.write("bag", bag=bag.name, messages=messages)
        except BagError as error:
            problems.append(str(error))
            log.write("bag unreadable", bag=bag.name, what=str(error))
        shutil.rmtree(bag, ignore_errors=True)
    return len(bags), problems
