"""One process at a time works in the folder of a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aassl_ros.errors import ConfigError, DataError
from aassl_ros.files import open_locked

_LOCK = ".lock"


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold the lock of a study's folder: two processes would train the same runs over each other.

    Raises ConfigError if another process holds it, DataError if the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = open_locked(out / _LOCK)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror}). Choose another --out.") from error
    if lock is None:
        raise ConfigError(f"another aassl study is at work in {out}. Wait for it, or choose another --out.")
    with lock:
        yield
