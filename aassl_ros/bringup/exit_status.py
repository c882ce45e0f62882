"""Decide whether a node process failed, and describe how it exited."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from pathlib import Path

# The dump of faulthandler: '  File "/a/b.py", line 12 in function'.
_PLACE = re.compile(r'^  File "(.+)", line (\d+) in (.+)$')


def exit_failed(status: int, *, asked: bool) -> bool:
    """Return whether a node's exit status means that it failed.

    status: exit status of the process; the negative signal number if a signal ended it. asked: the node had been asked
    to stop. SIGINT may then have ended the process before the node could handle it. SIGALRM ends a node that has saved
    its results if the middleware does not let it go.
    """
    return status not in (0, -signal.SIGALRM) and not (asked and status == -signal.SIGINT)


def describe_exit(name: str, status: int | None) -> str:
    """Describe how a node exited, as the first part of an error message."""
    if status is not None and status < 0:
        return f"node {name} was killed by signal {-status}"
    return f"node {name} exited with status {status}"


def thread_places(lines: Sequence[str]) -> str:
    """Say in one line where the threads of a process were, by the dump that a node prints on SIGUSR1.

    lines: what the node printed. Of each thread, the innermost place is named, and the innermost one in our code.
    Returns an empty text if there is no dump.
    """
    threads: list[list[tuple[str, str]]] = []
    for line in lines:
        if "(most recent call first)" in line:
            threads.append([])
        elif threads and (found := _PLACE.match(line)):
            path, number, function = found.groups()
            threads[-1].append((path, f"{function} ({Path(path).name}:{number})"))
    return "; ".join(_innermost(places) for places in threads if places)


def _innermost(places: Sequence[tuple[str, str]]) -> str:
    own = next((text for path, text in places if "/aassl_ros/" in path), "")
    first = places[0][1]
    return first if own in ("", first) else f"{first}, called from {own}"
