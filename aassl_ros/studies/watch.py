"""Who follows a run, and how a run says that it was stopped."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Told of a run's progress, asked whether to stop."""

    def show(self, done: int, total: int, note: str) -> None: ...
    def stop(self) -> bool: ...


class Interrupted(Exception):
    """A run was asked to stop; what it has is saved, and it goes on when it is executed again."""
