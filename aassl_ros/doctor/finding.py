"""The result of a check, and a way to run a check in another process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Result of one check: whether the thing works, what was found, and how to fix it (empty if it works)."""

    name: str
    works: bool
    found: str
    fix: str = ""


@dataclass(frozen=True)
class Trial:
    """Result of a Python process: its output and, if it failed, its last line of output as `error`."""

    output: str
    error: str | None


def try_python(*words: str, timeout_s: float = 180.0, environment: Mapping[str, str] | None = None) -> Trial:
    """Run this Python with the arguments `words` in a new process, so that a broken library cannot abort the doctor.

    environment: variables to set in addition to those of this process.
    """
    try:
        result = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        return Trial("", f"no answer within {timeout_s:g} s")
    if result.returncode == 0:
        return Trial(result.stdout.strip(), None)
    lines = [line.strip() for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    return Trial(result.stdout.strip(), lines[-1] if lines else f"exited with status {result.returncode}")
