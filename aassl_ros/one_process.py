"""One process at a time writes to the folder of a study, a run or a trainer node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aassl_ros.errors import ConfigError
from aassl_ros.files import open_locked

_LOCK = ".lock"


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock of a folder, so that two processes do not write over each other's files.

    The lock ends with the process, also if it is killed.

    Args:
        folder: made if it does not exist.
        what: the program that works there, for the error.

    Raises:
        ConfigError: another process holds the lock, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open_locked(folder / _LOCK)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}). Choose another folder.") from error
    if lock is None:
        raise ConfigError(f"another {what} is at work in {folder}. Wait for it, or choose another folder.")
    with lock:
        yield
