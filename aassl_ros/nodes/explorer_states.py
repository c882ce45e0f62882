"""The explorer's states, and what it reports of them on /diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aassl_ros.ros.diagnostics import ERROR, OK, WARN, Report

WAITING, UNARMED, EXPLORING, SILENT = "waiting", "not armed", "exploring", "silent"
RESTING, STOPPED, DONE = "resting", "stopped", "done"
NEXT = (RESTING, STOPPED)
"""States in which explorer/next continues."""


def report(state: str, *, lacking: str, how_to_arm: str, values: Mapping[str, Any]) -> Report:
    """Return the report of a state.

    Args:
        state: one of the names above.
        lacking: what it waits for, in the state waiting.
        how_to_arm: the command that arms it.
        values: further values to report.
    """
    if state == SILENT:
        level, message = ERROR, "no joint states: the arm is stopped"
    elif state == WAITING:
        level, message = WARN, f"waiting for {lacking or 'the arm to stand still'}"
    elif state == UNARMED:
        level, message = WARN, f"not armed: {how_to_arm}"
    else:
        level, message = OK, state
    return Report(level, message, {"state": state, **values})
