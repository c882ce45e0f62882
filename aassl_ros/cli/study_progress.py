"""Show the progress of a study: finished and running runs, and the remaining time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from aassl_ros.studies.progress import Show, Standing

_LINE_EVERY_S = 10.0


@contextmanager
def study_progress(name: str) -> Iterator[Show]:
    """Show the progress of a study on stderr: live lines on a terminal, one line every ten seconds in a log file.

    Yields the function that takes the present standing.
    """
    console = Console(file=sys.stderr, soft_wrap=not sys.stderr.isatty())
    begun = time.monotonic()
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:

            def show_live(standing: Standing) -> None:
                live.update(Text("\n".join(lines(name, standing, time.monotonic() - begun))), refresh=True)

            yield show_live
        return
    last = begun

    def show(standing: Standing) -> None:
        nonlocal last
        if time.monotonic() - last > _LINE_EVERY_S:
            last = time.monotonic()
            console.print("; ".join(lines(name, standing, last - begun)), markup=False, highlight=False)

    yield show


def lines(name: str, standing: Standing, seconds: float) -> list[str]:
    """Describe the whole study in one line, then each running run. seconds: time since the study started."""
    parts = [steps.done / steps.total for steps in standing.running.values() if steps.total]
    done = standing.finished + sum(parts)
    left = f", about {_duration(seconds / done * (standing.runs - done))} left" if done > 0 else ""
    failed = f", {standing.failed} failed" if standing.failed else ""
    head = f"{name}: {standing.finished} of {standing.runs} runs finished{failed}, {_duration(seconds)}{left}"
    return [
        head,
        *(f"  {run}: update {now.done} of {now.total}, {now.note}" for run, now in sorted(standing.running.items())),
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
