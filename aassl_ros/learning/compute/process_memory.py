"""The memory of a process, as Linux counts it."""

from __future__ import annotations

from pathlib import Path

from aassl_ros.errors import TrainingError


def memory_bytes(name: str, process: int | str = "self") -> int:
    """Read the memory of a process.

    (The peak of getrusage is that of the parent process if that was larger.)

    Args:
        name: VmRSS, all that is in memory now; VmHWM, its peak; RssAnon, without the pages of files.
        process: its id; by default this one.

    Raises:
        OSError: there is no such process.
        TrainingError: the system does not tell.
    """
    status = Path(f"/proc/{process}/status")
    for line in status.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise TrainingError(f"{status} has no {name}: memory can be measured on Linux only.")
