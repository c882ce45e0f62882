"""A reserve of disk space, with which a bag is closed if the disk is full."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)


class SpaceReserve:
    """Disk space that is kept for the end of a bag. It is a file without a name, so a killed process leaves nothing.

    needed: whether the disk was full, so that the reserve was given free before the end.
    """

    def __init__(self, folder: Path, size: int) -> None:
        """Allocate `size` bytes; 0: no reserve. Raises OSError if they are not free."""
        self.needed = False
        self._file = -1
        if size > 0:
            path = folder / f".reserve-{os.getpid()}"
            self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            try:
                os.unlink(path)
                os.posix_fallocate(self._file, 0, size)
            except OSError:
                self.give_back()
                raise

    def use(self) -> bool:
        """Give the space free because the disk is full. Returns False if that was done before: the disk is full."""
        if self._file < 0:
            return False
        self.needed = True
        self.give_back()
        return True

    def give_back(self) -> None:
        """Give the space free."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class ReservedFile:
    """A new file without buffer, for the writer of MCAP. If the disk is full, it continues in the reserve's space.

    position: the number of bytes written.
    """

    def __init__(self, path: Path, reserve: SpaceReserve) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        self._reserve = reserve
        self.position = 0

    def write(self, parts: Iterable[bytes]) -> None:
        """Write at most 1024 parts in order. Raises OSError if there is no space, not even in the reserve."""
        left = [memoryview(part) for part in parts if part]
        while left:
            try:
                written = os.writev(self._file, left)
            except OSError as error:
                if error.errno in _FULL and self._reserve.use():
                    continue
                raise
            self.position += written
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if left:
                left[0] = left[0][written:]

    def sync(self) -> None:
        """Force the data to the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
