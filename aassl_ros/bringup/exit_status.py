"""Decide whether a node process failed, and describe how it exited."""

from __future__ import annotations

import signal


def exit_failed(status: int, *, asked: bool) -> bool:
    """Return whether a node's exit status means that it failed.

    status: exit status of the process; the negative signal number if a signal ended it. asked: the node had been asked
    to stop. SIGINT may then have ended the process before the node could handle it.
    """
    return status != 0 and not (asked and status == -signal.SIGINT)


def describe_exit(name: str, status: int | None) -> str:
    """Describe how a node exited, as the first part of an error message."""
    if status is not None and status < 0:
        return f"node {name} was killed by signal {-status}"
    return f"node {name} exited with status {status}"
