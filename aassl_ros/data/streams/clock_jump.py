"""Detects a clock that was set back, for example by a restart of the simulator, as opposed to a late message."""

from __future__ import annotations

from collections.abc import Collection

from aassl_ros.data.streams.messages import header_stamp_ns
from aassl_ros.errors import DataError

# Messages of one stream are never this much out of order. A smaller jump is not detected: its messages count as late.
JUMP_BACK_NS = 1_000_000_000


class JumpBack:
    """Detects jumps back in the stamps of one stream."""

    def __init__(self) -> None:
        self._candidate_ns: int | None = None

    def clear(self) -> None:
        """Take a stamp that is newer than any before: one behind, if there was one, was wrong."""
        self._candidate_ns = None

    def confirmed(self, stamp_ns: int, last_ns: int) -> bool:
        """Whether this stamp shows that the clock jumped back. last_ns: the newest earlier stamp of the stream, ns.

        A jump needs two consecutive stamps that are behind and increase. So neither a single wrong stamp nor a driver
        whose stamps are all 0 is a jump.
        """
        before, self._candidate_ns = self._candidate_ns, None
        if stamp_ns > last_ns - JUMP_BACK_NS:
            return False
        if before is not None and stamp_ns > before:
            return True
        self._candidate_ns = stamp_ns
        return False


class StreamClock:
    """Detects jumps back of the clock in a recording, from the times of receipt and the stamps of some topics.

    stamped: topics whose messages have a header; empty in simulated time, in which the times of receipt are enough.
    """

    def __init__(self, stamped: Collection[str] = ()) -> None:
        self._last_log_ns = 0
        self._stamps = {topic: (JumpBack(), 0) for topic in stamped}

    def jumped_back(self, topic: str, log_ns: int, data: bytes) -> bool:
        """Add a message that was received at log_ns. Returns whether it is the first one after a jump back."""
        last_ns, self._last_log_ns = self._last_log_ns, log_ns
        if log_ns < last_ns - JUMP_BACK_NS:
            return True
        if topic not in self._stamps:
            return False
        try:
            stamp_ns = header_stamp_ns(data)
        except DataError:  # counted where it is read
            return False
        jump, newest_ns = self._stamps[topic]
        jumped = jump.confirmed(stamp_ns, newest_ns)
        self._stamps[topic] = (jump, stamp_ns if jumped else max(newest_ns, stamp_ns))
        return jumped
