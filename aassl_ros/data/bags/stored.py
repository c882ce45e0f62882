"""The common interface of all files with messages: topics, and messages in order of receipt."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

_MAX_NAME = 256
_SHOWN = 30


@dataclass(frozen=True)
class StoredTopic:
    """One topic in the file.

    type: always with /msg/. encoding: of its messages, cdr or ros1 (others cannot be decoded).
    definition: the bytes of the schema, empty if the file has none; definition_encoding: ros2msg, ros1msg, ros2idl, ...
    qos, type_hash: as in the file, empty if unknown. message_count: None if the file does not contain it.
    """

    name: str
    type: str
    encoding: str = "cdr"
    definition: bytes = b""
    definition_encoding: str = ""
    qos: str = ""
    type_hash: str = ""
    message_count: int | None = None

    def __post_init__(self) -> None:
        # Names stand in errors and tables of one line, and ROS itself allows far less.
        for field in ("name", "type"):
            object.__setattr__(self, field, printable(getattr(self, field)))


class LargeData(Protocol):
    """The bytes of a large message that are still in the file. The file must be open when they are read."""

    @property
    def size(self) -> int:
        """Their number."""

    def read(self) -> bytes:
        """Read them. Raises BagError if the file has changed."""

    def read_into(self, buffer: memoryview) -> None:
        """Read them into a buffer of their size. Raises BagError if the file has changed."""


class StoredMessage(NamedTuple):
    """One message, not decoded.

    publish_ns: time of publication; log_ns if the file does not store it.
    large: if not None, `data` has only the begin of the message.
    """

    log_ns: int
    publish_ns: int
    topic: StoredTopic
    data: bytes
    large: LargeData | None = None


class StorageFile(Protocol):
    """A file of messages that is open. start_ns, end_ns: time of the first and last message; 0 if it is empty."""

    storage: str
    path: Path
    topics: tuple[StoredTopic, ...]
    message_count: int
    start_ns: int
    end_ns: int
    # The content of metadata.yaml, if the file contains a copy.
    metadata_text: str

    def messages(self, names: Collection[str], *, verify: bool = False) -> Iterator[StoredMessage]: ...

    def close(self) -> None: ...


class Part(NamedTuple):
    """A sequence of messages in order of receipt, opened when needed. start_ns: no message is older than this."""

    start_ns: int
    open: Callable[[], Iterator[StoredMessage]]


def in_order(parts: Sequence[Part]) -> Iterator[StoredMessage]:
    """Yield the messages of all parts in order of receipt; those of the same time in the order of the parts.

    A part is opened only when its first message may be next.
    """
    return parts[0].open() if len(parts) == 1 else _merged(parts)


def _merged(parts: Sequence[Part]) -> Iterator[StoredMessage]:
    # The last one is opened next. Of parts that begin at the same time, it is the first.
    pending = sorted(enumerate(parts), key=lambda numbered: (numbered[1].start_ns, numbered[0]), reverse=True)
    heap: list[tuple[int, int, StoredMessage, Iterator[StoredMessage]]] = []
    while pending or heap:
        while pending and (not heap or pending[-1][1].start_ns <= heap[0][0]):
            number, part = pending.pop()
            messages = part.open()
            if (first := next(messages, None)) is not None:
                heapq.heappush(heap, (first.log_ns, number, first, messages))
        if len(heap) == 1:
            # The usual case: parts that do not overlap.
            _, number, message, messages = heap.pop()
            until = pending[-1][1].start_ns if pending else None
            yield message
            for message in messages:
                if until is not None and message.log_ns >= until:
                    heap.append((message.log_ns, number, message, messages))
                    break
                yield message
        elif heap:
            _, order, message, messages = heap[0]
            yield message
            if (following := next(messages, None)) is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (following.log_ns, order, following, messages))


def printable(name: str) -> str:
    """A name without control characters, and no longer than any name of ROS."""
    return "".join(character if character.isprintable() else "?" for character in name[:_MAX_NAME])


def in_few_words(names: Sequence[str]) -> str:
    """Names for an error, in one line that is not without end; "nothing" if there are none."""
    more = len(names) - _SHOWN
    return (", ".join(names[:_SHOWN]) or "nothing") + (f" and {more} more" if more > 0 else "")


def normal_type(name: str) -> str:
    """The name of a type with /msg/, which ROS 1 omits."""
    package, _, rest = name.partition("/")
    return f"{package}/msg/{rest}" if rest and "/" not in rest else name
