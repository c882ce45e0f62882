"""Write files and folders atomically: each is either complete or absent at every moment. And lock files."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
from pathlib import Path
from typing import TextIO

_RENAME_EXCHANGE, _AT_FDCWD = 2, -100  # of renameat2(2)


def write_whole(path: Path, content: str | bytes, *, sync: bool = False) -> None:
    """Write a file atomically: into a temporary file, which is then renamed.

    Args:
        path: of the file.
        content: bytes, or text that is written as UTF-8.
        sync: force file and name to the disk, so that a power cut after the return loses nothing.

    Raises:
        OSError: it cannot be written; a file that was there before is unchanged.
    """
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
        if sync:
            sync_path(path.parent)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def open_locked(path: Path) -> TextIO | None:
    """Open a lock file, and lock it until it is closed or the process ends.

    Args:
        path: of the lock file; it is made if it does not exist, and stays.

    Returns:
        The open file; None if another process holds the lock.

    Raises:
        OSError: the file cannot be opened.
    """
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    except OSError:
        pass  # a file system without locks, as some of clusters: better without a lock than not at all
    return lock


def sync_path(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk. Raises OSError."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def put_folder(made: Path, path: Path) -> None:
    """Move the folder `made` to `path`, and remove the folder that was there before. Raises OSError.

    If it fails, the old folder stays in place. If the file system can exchange two names, `path` exists at every
    moment. Linux file systems can; most network file systems cannot.
    """
    if not path.exists():
        os.replace(made, path)
        return
    try:
        _exchange(made, path)
        old = made
    except OSError:
        old = path.with_name(f".{path.name}.old-{os.getpid()}")
        os.replace(path, old)
        try:
            os.replace(made, path)
        except OSError:
            os.replace(old, path)
            raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two names atomically. Raises OSError if the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError("the C library has no renameat2")
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one))
