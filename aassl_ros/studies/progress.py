"""How far a study has come: what runs and schedulers report, and how a run is asked to stop.

No torch here: the process of Ray that holds the board does without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Interrupted(Exception):
    """A run was asked to stop; what it has is saved, and it goes on when it is executed again."""


class Watch(Protocol):
    """Told of a run's progress, asked whether to stop."""

    def show(self, done: int, total: int, note: str) -> None: ...
    def stop(self) -> bool: ...


@dataclass
class Standing:
    """What is known of a study's runs while it goes on; running: those under way, by name."""

    runs: int
    finished: int = 0
    failed: int = 0
    running: dict[str, Steps] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """Of one run: updates done and in all, and what else it says."""

    done: int
    total: int
    note: str


Show = Callable[[Standing], None]


class Board:
    """An actor on which runs write how far they are, and read whether to stop."""

    def __init__(self) -> None:
        self._running: dict[str, Steps] = {}
        self._stopped = False

    def tell(self, name: str, steps: Steps) -> bool:
        """Whether to stop."""
        self._running[name] = steps
        return self._stopped

    def end(self, name: str) -> None:
        self._running.pop(name, None)

    def read(self) -> dict[str, Steps]:
        return self._running

    def stop(self) -> None:
        self._stopped = True
