"""Count lost messages from gaps in the publishers' sequence numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class SequenceGaps:
    """Gaps in the sequence numbers of one topic's publishers.

    counts: whether any message had a sequence number. Humble gives no sequence numbers. Jazzy does not name the
    publisher, so there, gaps are counted only if the topic has a single publisher.
    """

    def __init__(self) -> None:
        self.counts = False
        self._newest: dict[bytes, int] = {}

    def add(self, info: Mapping[str, Any], publishers: Callable[[], int]) -> int:
        """Return how many messages were lost since the previous one of the same publisher.

        info: message information of the middleware. publishers: returns the number of publishers of the topic; called
        only if `info` does not name the publisher.
        """
        number, identity = info.get("publication_sequence_number"), info.get("publisher_gid")
        if not number or (identity is None and publishers() != 1):
            return 0
        self.counts = True
        key = b"" if identity is None else bytes(identity["data"])
        before = self._newest.get(key, number - 1)
        self._newest[key] = max(number, before)
        return max(0, int(number) - before - 1)

    def forget(self) -> None:
        """Start again after a new subscription: the next message is not after a gap."""
        self._newest.clear()
