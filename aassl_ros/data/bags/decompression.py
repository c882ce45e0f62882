"""Decompression that allocates no more than it was told, whatever the compressed bytes claim."""

from __future__ import annotations

import bz2
import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.damage import MAX_MESSAGE_BYTES, DamagedError
from aassl_ros.errors import BagError, first_line

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
FILE_SUFFIXES = (".zstd", ".zst")
# Small, for a block may hold very many frames, and with each the rest of the block is copied.
_BLOCK = 1 << 16
_PIECE = 1 << 20
_MAX_FRAMES = 100
# A recording does not shrink to less; what claims to is made to fill the disk.
_MAX_RATIO = 1000
_SPARE_BYTES = 64 << 20
_FREE_BYTES = 1 << 30


def decompress(kind: str, packed: bytes, limit: int) -> bytes:
    """The bytes of one block, at most `limit`. kind: zstd, lz4 or bz2. Raises ValueError with what is wrong."""
    if kind not in ("zstd", "lz4", "bz2"):
        raise ValueError(f"it is compressed by {kind[:40]!r}, expected zstd, lz4, bz2 or nothing")
    try:
        reader = _reader(kind)
        data: bytes = reader.decompress(packed, limit + 1)
        # A block may be several frames, one after another.
        for _ in range(_MAX_FRAMES):
            if not reader.eof or not reader.unused_data or len(data) > limit:
                break
            rest, reader = reader.unused_data, _reader(kind)
            data += reader.decompress(rest, limit + 1 - len(data))
    except (MemoryError, OverflowError) as error:
        raise ValueError("its compressed bytes ask for more memory than there is") from error
    except Exception as error:  # each library has its own
        raise ValueError(f"its {kind} bytes cannot be read ({first_line(error)})") from error
    if len(data) > limit:
        raise ValueError(f"its {kind} bytes hold more than {limit} bytes")
    if not reader.eof:
        raise ValueError(f"its {kind} bytes end too early")
    if reader.unused_data:
        raise ValueError(f"its {kind} bytes are followed by others")
    return data


def message_bytes(data: bytes) -> bytes:
    """A message that may be compressed by itself. No CDR begins as zstd does. Raises ValueError as `decompress`."""
    return decompress("zstd", data, MAX_MESSAGE_BYTES) if data.startswith(ZSTD_MAGIC) else data


def expand_file(path: Path, out: Path, *, partly: bool = False) -> bool:
    """Decompress a whole zstd file; whether all of it could be.

    partly: keep what could be decompressed of a damaged file. Raises DamagedError for it otherwise, and BagError if
    the disk has no room for it.
    """
    written = 0
    limit = path.stat().st_size * _MAX_RATIO + _SPARE_BYTES
    expansion = _Expansion()
    with path.open("rb") as source, out.open("wb") as target:
        offset = 0
        while block := source.read(_BLOCK):
            try:
                for piece in expansion.pieces(block):
                    written += len(piece)
                    if written > limit:
                        raise ValueError(f"holds more than {_MAX_RATIO} times its own size")
                    target.write(piece)
            except (OSError, BagError):
                raise
            except Exception as error:  # ZstdError, MemoryError, ours
                if partly:
                    return False
                raise DamagedError(path, first_line(error), offset) from error
            offset += len(block)
            if shutil.disk_usage(out.parent).free < _FREE_BYTES:
                raise BagError(f"{path} cannot be decompressed: {out.parent} has less than 1 GiB left. Set TMPDIR.")
    if not expansion.complete and not partly:
        raise DamagedError(path, "its compressed bytes end too early, it was cut short", offset)
    return expansion.complete


class _Expansion:
    """zstd frames, one after another, a block at a time."""

    def __init__(self) -> None:
        self._reader = _reader("zstd")
        self.complete = False

    def pieces(self, block: bytes) -> Iterator[bytes]:
        """What a block gives, a bounded piece at a time."""
        while block:
            if self._reader.eof:
                self._reader = _reader("zstd")
            yield self._reader.decompress(block, _PIECE)
            while not self._reader.eof and not self._reader.needs_input:
                yield self._reader.decompress(b"", _PIECE)
            block = self._reader.unused_data if self._reader.eof else b""
        self.complete = bool(self._reader.eof)


def _reader(kind: str) -> Any:
    """An object with decompress(data, max_length), eof, needs_input and unused_data."""
    if kind == "zstd":
        return zstd().ZstdDecompressor()
    if kind == "lz4":
        return importlib.import_module("lz4.frame").LZ4FrameDecompressor()
    return bz2.BZ2Decompressor()


def zstd() -> Any:
    """The zstd module that rosbags uses: Python's own from 3.14 on."""
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return importlib.import_module("backports.zstd")
