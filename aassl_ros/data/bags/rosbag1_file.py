"""Reads a ROS 1 recording (.bag) with rosbags, with limits: rosbags alone would allocate any length in the file."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from rosbags.rosbag1 import Reader

from aassl_ros.data.bags.damage import MAX_CHUNK_BYTES, DamagedError
from aassl_ros.data.bags.decompression import decompress
from aassl_ros.data.bags.stored import StoredMessage, StoredTopic
from aassl_ros.errors import AasslError, first_line

_MAGIC = b"#ROSBAG V2.0\n"


class Rosbag1File:
    """A .bag file that is open for reading; see stored.StorageFile. Raises DamagedError."""

    storage = "rosbag1"

    def __init__(self, path: Path, shown: Path | None = None) -> None:
        self.path = shown or path
        self.metadata_text = ""
        with path.open("rb") as stream:
            head = stream.read(len(_MAGIC))
        if head != _MAGIC:
            what = "the file is empty" if not head else "it does not begin as a ROS 1 bag (version 2.0) does"
            raise DamagedError(self.path, what, 0, recoverable=False)
        bounded: Any = _BoundedPath(path)
        self._reader = Reader(bounded)
        try:
            self._reader.open()
            self._bound_chunks()
        except AasslError:
            raise
        except Exception as error:  # struct.error, AssertionError and more on damaged files
            raise self._damaged(error) from error
        self._topics = {
            connection.id: StoredTopic(
                connection.topic,
                connection.msgtype,
                "ros1",
                connection.msgdef.data.encode(errors="replace"),
                "ros1msg",
                message_count=connection.msgcount,
            )
            for connection in self._reader.connections
        }
        self.topics = tuple(self._topics.values())
        self.message_count = sum(topic.message_count or 0 for topic in self.topics)
        empty = self.message_count == 0
        self.start_ns = 0 if empty else self._reader.start_time
        self.end_ns = 0 if empty else max(self._reader.end_time - 1, 0)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def messages(self, names: Collection[str], *, verify: bool = False) -> Iterator[StoredMessage]:
        """The messages of these topics in order of receipt. The format has no checksums to verify."""
        connections = [connection for connection in self._reader.connections if connection.topic in names]
        if not connections:
            return
        try:
            for connection, log_ns, data in self._reader.messages(connections):
                yield StoredMessage(log_ns, log_ns, self._topics[connection.id], bytes(data))
        except AasslError:
            raise
        except Exception as error:  # see __init__
            raise self._damaged(error) from error

    def _bound_chunks(self) -> None:
        chunks = self._reader.chunks
        for place, chunk in chunks.items():
            if chunk.datasize > MAX_CHUNK_BYTES:
                raise DamagedError(self.path, f"a chunk claims {chunk.datasize} bytes", place, recoverable=False)
            kind = {"bz2_decompress": "bz2", "decompress": "bz2", "lz4_decompress": "lz4"}
            name = "lz4" if "lz4" in getattr(chunk.decompressor, "__module__", "") else kind.get(_name(chunk), "")
            if name:
                chunks[place] = chunk._replace(decompressor=partial(_unpacked, self.path, place, name))

    def _damaged(self, error: Exception) -> DamagedError:
        if "not indexed" in str(error):
            what = "it was not closed and has no index. Save it by ROS 1's own `rosbag reindex`"
        else:
            what = f"its records cannot be read ({first_line(error)})"
        return DamagedError(self.path, what, recoverable=False)


def _name(chunk: Any) -> str:
    return str(getattr(chunk.decompressor, "__name__", ""))


def _unpacked(path: Path, place: int, kind: str, packed: bytes) -> bytes:
    try:
        return decompress(kind, packed, MAX_CHUNK_BYTES)
    except ValueError as error:
        raise DamagedError(path, f"a chunk cannot be read: {error}", place, recoverable=False) from error


class _BoundedPath:
    """Passed to the reader of rosbags instead of a path. Its file never reads more at once than is left in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def exists(self) -> bool:
        return self._path.exists()

    def open(self, mode: str = "rb") -> BinaryIO:
        assert mode == "rb"
        return _BoundedFile(self._path.open("rb"), self._path.stat().st_size)  # type: ignore[return-value]


class _BoundedFile(io.RawIOBase):
    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size
        self.seek: Callable[..., int] = stream.seek  # type: ignore[method-assign]
        self.tell: Callable[[], int] = stream.tell  # type: ignore[method-assign]
        self.readline = stream.readline  # type: ignore[method-assign, assignment]

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._stream.tell())
        if size > MAX_CHUNK_BYTES:
            raise ValueError(f"{size} bytes are claimed at byte {self._stream.tell()}")
        return self._stream.read(left if size < 0 else min(size, left))

    def close(self) -> None:
        self._stream.close()
        super().close()
