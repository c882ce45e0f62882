"""The memory that is free: of this machine, and of the container that this process runs in."""

from __future__ import annotations

from pathlib import Path

_MACHINE = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")  # version 2


def free_memory() -> int | None:
    """Return the free memory in bytes, which a container may limit; None if the system does not tell."""
    known = [free for free in (_of_machine(), _of_container()) if free is not None]
    return min(known, default=None)


def _of_machine() -> int | None:
    kilobytes = _table(_MACHINE).get("MemAvailable:")
    return None if kilobytes is None else kilobytes * 1024


def _of_container() -> int | None:
    """What the container may still use. The kernel gives back its inactive file cache when memory is needed."""
    try:
        limit = int((_CONTAINER / "memory.max").read_text())
        used = int((_CONTAINER / "memory.current").read_text())
    except (OSError, ValueError):  # no container, or "max": no limit
        return None
    return max(0, limit - used + _table(_CONTAINER / "memory.stat").get("inactive_file", 0))


def _table(file: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
        return {words[0]: int(words[1]) for words in lines if len(words) > 1}
    except (OSError, ValueError):
        return {}
