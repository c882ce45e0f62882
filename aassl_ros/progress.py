"""Show the progress of long work: a bar on a terminal, or a line every ten seconds in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

_LINE_EVERY_S = 10.0


class Bar:
    """Progress of one piece of work, updated by the code that does the work."""

    def __init__(self, description: str, total: float, rich: RichProgress | None, console: Console) -> None:
        self._description = description
        self._total = total
        self._done = 0.0
        self._rich = rich
        self._console = console
        self._started = time.monotonic()
        self._last_line = self._started
        self._task = rich.add_task(description, total=total, note="") if rich else None

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Report that `amount` more of the total is done. note: text shown next to it (a loss, a count)."""
        self.update(self._done + amount, note)

    def update(self, done: float, note: str = "") -> None:
        """Report that `done` of the total is done. note: text shown next to it."""
        self._done = done
        if self._rich is not None and self._task is not None:
            self._rich.update(self._task, completed=done, note=note)
        elif time.monotonic() - self._last_line > _LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._line(note)

    def _line(self, note: str) -> None:
        elapsed = time.monotonic() - self._started
        left = elapsed * (self._total - self._done) / self._done if self._done > 0 else float("nan")
        self._console.print(f"{self._description}: {self._done:g} of {self._total:g}, {left:.0f} s left. {note}")

    def finish(self, note: str) -> None:
        """Report that the work is finished. note: text that stays on the screen."""
        elapsed = time.monotonic() - self._started
        if self._rich is not None and self._task is not None:
            self._rich.update(self._task, completed=self._done, note=note)
        else:
            self._console.print(f"{self._description}: done in {elapsed:.0f} s. {note}")


@contextmanager
def progress(description: str, total: float) -> Iterator[Bar]:
    """Show a progress bar on stderr, so that stdout stays free for results."""
    console = Console(file=sys.stderr, soft_wrap=not sys.stderr.isatty())
    if not console.is_terminal:
        yield Bar(description, total, None, console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with RichProgress(*columns, console=console) as rich:
        yield Bar(description, total, rich, console)


@contextmanager
def progress_once_known(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar for work whose total is known only later.

    Yields a function that takes the amount done and the total. The bar appears at its first call.
    """
    bar: Bar | None = None
    begun = time.monotonic()
    with ExitStack() as stack:

        def show(done: int, total: int) -> None:
            nonlocal bar
            bar = bar or stack.enter_context(progress(description, total))
            bar.update(done, f"{done / max(1e-3, time.monotonic() - begun):.0f} a second")

        yield show
