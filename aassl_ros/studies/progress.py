"""Progress of a study: what runs and schedulers report, and how a run is asked to stop.

This file does not import torch, because the Ray process with the board does not need it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Interrupted(Exception):
    """A run was asked to stop. Its state is saved, and it continues when it is executed again."""


class Watch(Protocol):
    """Receives the progress of a run, and says if the run must stop."""

    def show(self, done: int, total: int, note: str) -> None: ...
    def stop(self) -> bool: ...


@dataclass
class Standing:
    """Progress of all runs of a study. runs: their number; running: the current runs, by name."""

    runs: int
    finished: int = 0
    failed: int = 0
    running: dict[str, Steps] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """Progress of one run: number of updates done, their total, and a note."""

    done: int
    total: int
    note: str


Show = Callable[[Standing], None]


class Board:
    """A Ray actor to which runs report their progress, and which asks them to stop."""

    def __init__(self) -> None:
        self._running: dict[str, Steps] = {}
        self._stopped = False

    def tell(self, name: str, steps: Steps) -> bool:
        """Report the progress of a run. Returns true if the run must stop."""
        self._running[name] = steps
        return self._stopped

    def end(self, name: str) -> None:
        self._running.pop(name, None)

    def read(self) -> dict[str, Steps]:
        return self._running

    def stop(self) -> None:
        self._stopped = True
