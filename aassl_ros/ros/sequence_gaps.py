"""Messages that never came, by the numbers that publishers give theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class SequenceGaps:
    """Follows the numbering of each publisher of one topic.

    counts: whether any message was numbered. Humble tells no numbers. Jazzy does not tell whose they are, so that there
    only a single publisher can be followed.
    """

    def __init__(self) -> None:
        self.counts = False
        self._newest: dict[bytes, int] = {}

    def add(self, info: Mapping[str, Any], publishers: Callable[[], int]) -> int:
        """Take the information that came with a message; how many are missing since the one before of its publisher.

        publishers: counts those of the topic now; asked only if the message does not tell its own.
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
        """Begin anew, as the subscription does: what comes next is no gap."""
        self._newest.clear()
