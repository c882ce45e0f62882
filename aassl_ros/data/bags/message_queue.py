"""The queue between the thread that receives messages and the thread that writes the bag, bounded by bytes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import NamedTuple

from rosbags.interfaces import Qos


class NewTopic(NamedTuple):
    """A topic to add to the bag before its first message.

    awaits_message: add it only with its first message. instead_of: the topic, still without a message, that a camera
    was to have instead; empty if there is none.
    """

    name: str
    type: str
    qos: tuple[Qos, ...]
    type_hash: str
    awaits_message: bool = False
    instead_of: str = ""


class Received(NamedTuple):
    """A message.

    log_ns: 0 if the clock had no time yet. data: CDR, or what a worker still makes of it. size: bytes that count for
    the limit of the queue.
    """

    topic: str
    log_ns: int
    publish_ns: int
    data: bytes | Future[bytes]
    size: int


class MessageQueue:
    """Topics and messages in order. One thread appends, another takes. limit: maximum size of the messages, bytes."""

    def __init__(self) -> None:
        self.limit = 0
        self._items: deque[NewTopic | Received] = deque()
        # Bytes so far. Each number is changed by one thread only, so that no lock is needed.
        self._appended = self._taken = 0

    def __len__(self) -> int:
        return len(self._items)

    def has_room(self, size: int) -> bool:
        """Whether a message of this size, bytes, fits now."""
        return self._appended - self._taken + size <= self.limit

    def append(self, item: NewTopic | Received) -> None:
        """Append an item; the caller has asked `has_room`."""
        if isinstance(item, Received):
            self._appended += item.size
        self._items.append(item)

    def take(self) -> NewTopic | Received:
        """Take the oldest item. Raises IndexError if there is none."""
        item = self._items.popleft()
        if isinstance(item, Received):
            self._taken += item.size
        return item

    def clear(self) -> None:
        """Drop all items."""
        while self._items:
            self.take()
