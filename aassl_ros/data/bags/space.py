"""The watch on free disk space while a bag is recorded."""

from __future__ import annotations

import math
import os
import resource
from pathlib import Path

from aassl_ros.data.bags.file_settings import MB, FileSettings
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.errors import BagError

# The reserve holds one chunk, one large message, the index and metadata.yaml of a recording of some hours.
_RESERVE_BYTES = 32 * MB


def reserve_bytes(settings: FileSettings) -> int:
    """The size of the reserve: 32 MB, but at most a quarter of min_free_mb."""
    return int(min(_RESERVE_BYTES, settings.min_free_mb * MB / 4))


class SpaceWatch:
    """Compares the free space with the limits of the settings while a bag is written.

    full: why recording must stop; empty if it need not. low: the warning; empty if there is enough space.
    free_mb: free space when it was last checked, 10^6 bytes.
    """

    def __init__(self, path: Path, settings: FileSettings) -> None:
        """path: where the bag will be. Raises BagError if less than min_free_mb is free there."""
        self._folder = next((folder for folder in path.absolute().parents if folder.exists()), Path("/"))
        self._settings = settings
        self.full = self.low = ""
        self._since_check = 0
        # Checked often enough that the space between two checks is a small part of the limit.
        self._check_bytes = int(min(16.0, max(settings.min_free_mb / 16, 0.1)) * MB)
        self.check(0)
        if self.full:
            raise BagError(f"{path} cannot be recorded: {self.full} Free space, or record to another disk.")

    def wrote(self, count: int, writer: BagWriter) -> str:
        """Count `count` bytes given to the writer, check the space from time to time, and return `full`."""
        self._since_check += count
        if writer.disk_full:
            self.full = "the disk is full."
        elif self._since_check >= self._check_bytes:
            self.check(writer.size)
        return self.full

    def check(self, file_bytes: int) -> None:
        """Check the free space of the disk, and the room up to the process's limit of file sizes, now."""
        self._since_check = 0
        settings = self._settings
        status = os.statvfs(self._folder)
        # Some file systems do not tell their size: there is no limit that could be checked.
        free = status.f_bavail * status.f_frsize if status.f_blocks else math.inf
        room, what = free, "are free on the disk"
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        if limit != resource.RLIM_INFINITY and limit - file_bytes < room:
            room, what = limit - file_bytes, "are left up to the limit of file sizes (ulimit -f)"
        self.free_mb = room / MB
        if room < settings.min_free_mb * MB:
            self.full = f"only {max(self.free_mb, 0):.0f} MB {what}, and min_free_mb is {settings.min_free_mb:g}."
        if room < settings.warn_free_mb * MB:
            self.low = (
                f"{self._folder}: less than {settings.warn_free_mb:g} MB {what}. "
                f"Recording stops at {settings.min_free_mb:g} MB. Free space, or record to another disk."
            )
        else:
            self.low = ""
