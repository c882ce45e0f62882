"""Decompresses data with a limit on memory, whatever size the compressed data claim."""

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
# Small, because a block may contain very many frames, and each frame copies the rest of the block.
_BLOCK = 1 << 16
_PIECE = 1 << 20
_MAX_FRAMES = 100
# Recordings do not compress better than this. A higher ratio means a file that is made to fill the disk.
_MAX_RATIO = 1000
_SPARE_BYTES = 64 << 20
_FREE_BYTES = 1 << 30


def decompress(kind: str, packed: bytes, limit: int) -> bytes:
    """Decompress one block to at most `limit` bytes. kind: zstd, lz4 or bz2. Raises ValueError if that fails."""
    if kind not in ("zstd", "lz4", "bz2"):
        raise ValueError(f"it is compressed by {kind[:40]!r}, expected zstd, lz4, bz2 or nothing")
    try:
        reader = _reader(kind)
        data: bytes = reader.decompress(packed, limit + 1)
        # A block may consist of several frames.
        for _ in range(_MAX_FRAMES):
            if not reader.eof or not reader.unused_data or len(data) > limit:
                break
            rest, reader = reader.unused_data, _reader(kind)
            data += reader.decompress(rest, limit + 1 - len(data))
    except (MemoryError, OverflowError) as error:
        raise ValueError("its compressed bytes ask for more memory than there is") from error
    except Exception as error:  # each library has its own exceptions
        raise ValueError(f"its {kind} bytes cannot be read ({first_line(error)})") from error
    if len(data) > limit:
        raise ValueError(f"its {kind} bytes hold more than {limit} bytes")
    if not reader.eof:
        raise ValueError(f"its {kind} bytes end too early")
    if reader.unused_data:
        raise ValueError(f"its {kind} bytes are followed by others")
    return data


def message_bytes(data: bytes) -> bytes:
    """Decompress a message if it is compressed itself. No CDR starts like zstd. Raises ValueError like `decompress`."""
    return decompress("zstd", data, MAX_MESSAGE_BYTES) if data.startswith(ZSTD_MAGIC) else data


def expand_file(path: Path, out: Path, *, partly: bool = False) -> bool:
    """Decompress a zstd file. Returns whether all of it was decompressed.

    partly: keep the first part of a damaged file instead of raising DamagedError. Raises BagError if the disk is full.
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
    """Decompresses a sequence of zstd frames, block by block."""

    def __init__(self) -> None:
        self._reader = _reader("zstd")
        self.complete = False

    def pieces(self, block: bytes) -> Iterator[bytes]:
        """Yield the decompressed bytes of a block in pieces of limited size."""
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
    """The zstd module that rosbags uses: that of the standard library from Python 3.14 on."""
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return importlib.import_module("backports.zstd")
