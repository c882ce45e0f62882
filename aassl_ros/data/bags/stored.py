"""What every kind of file that holds messages gives: its topics and, in order of receipt, its messages."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class StoredTopic:
    """One topic as the file has it.

    type: with /msg/, whatever the file writes. encoding: of its messages, cdr or ros1 (or what we cannot decode).
    definition: the schema's bytes, empty if the file has none; definition_encoding: ros2msg, ros1msg, ros2idl, ...
    qos, type_hash: as written, empty if unknown. message_count: None if the file does not tell.
    """

    name: str
    type: str
    encoding: str = "cdr"
    definition: bytes = b""
    definition_encoding: str = ""
    qos: str = ""
    type_hash: str = ""
    message_count: int | None = None


class StoredMessage(NamedTuple):
    """One message, undecoded. publish_ns: source time; log_ns again if the file keeps none."""

    log_ns: int
    publish_ns: int
    topic: StoredTopic
    data: bytes


class StorageFile(Protocol):
    """One file of messages, open. start_ns, end_ns: first and last receipt, 0 if it is empty."""

    storage: str
    path: Path
    topics: tuple[StoredTopic, ...]
    message_count: int
    start_ns: int
    end_ns: int
    # metadata.yaml's content, if the file holds a copy.
    metadata_text: str

    def messages(self, names: Collection[str], *, verify: bool = False) -> Iterator[StoredMessage]: ...

    def close(self) -> None: ...


class Part(NamedTuple):
    """A run of messages in order of receipt, opened when its turn comes. start_ns: no message is older."""

    start_ns: int
    open: Callable[[], Iterator[StoredMessage]]


def in_order(parts: Sequence[Part]) -> Iterator[StoredMessage]:
    """The messages of all parts in order of receipt; a part is opened only when its first message may be next."""
    return parts[0].open() if len(parts) == 1 else _merged(parts)


def _merged(parts: Sequence[Part]) -> Iterator[StoredMessage]:
    pending = sorted(parts, key=lambda part: part.start_ns, reverse=True)
    heap: list[tuple[int, int, StoredMessage, Iterator[StoredMessage]]] = []
    number = 0
    while pending or heap:
        while pending and (not heap or pending[-1].start_ns <= heap[0][0]):
            messages = pending.pop().open()
            number += 1
            if (first := next(messages, None)) is not None:
                heapq.heappush(heap, (first.log_ns, number, first, messages))
        if len(heap) == 1:
            # The usual case: parts that do not overlap.
            _, _, message, messages = heap.pop()
            until = pending[-1].start_ns if pending else None
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


def normal_type(name: str) -> str:
    """A type's name with /msg/, which ROS 1 leaves out."""
    package, _, rest = name.partition("/")
    return f"{package}/msg/{rest}" if rest and "/" not in rest else name
