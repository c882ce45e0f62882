"""Errors for files of a bag that cannot be read: the file, the place in it, and what was found."""

from __future__ import annotations

from pathlib import Path

from aassl_ros.errors import BagError

# Upper limits: a raw 8K image has 100 MB. A larger length in a file means damage.
MAX_MESSAGE_BYTES = 256 << 20
MAX_CHUNK_BYTES = 256 << 20
# Limit for all chunks that are open at the same time, because their times overlap.
MAX_OPEN_BYTES = 512 << 20


class DamagedError(BagError):
    """A file of a bag is damaged. recoverable: whether `aassl bag recover` may save a part of it."""

    def __init__(self, path: Path, what: str, offset: int | None = None, *, recoverable: bool = True) -> None:
        place = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{path} is damaged{place}: {what}.")
        self.recoverable = recoverable


class UnclosedError(BagError):
    """A file of a bag was not closed, so its index is missing."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} was not closed: {what}.")
