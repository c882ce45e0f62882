"""What a check found, and how checks look into other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it works, what was found, and what mends it (empty where it works)."""

    name: str
    works: bool
    found: str
    mend: str = ""


@dataclass(frozen=True)
class Trial:
    """How a Python process went: its output, or in `error` the last line it said on failing."""

    output: str
    error: str | None


def try_python(*words: str, timeout_s: float = 180.0, environment: Mapping[str, str] | None = None) -> Trial:
    """Run this Python with `words` in a process of its own: a broken library ends that process, and not the doctor.

    environment: variables to set beside those of this process.
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
    return Trial(result.stdout.strip(), lines[-1] if lines else f"ended with status {result.returncode}")
