"""Tells a clock that was set back for good, as by a simulator started again, from a message that only came late."""

from __future__ import annotations

from collections.abc import Collection

from aassl_ros.data.streams.messages import header_stamp_ns
from aassl_ros.errors import DataError

# Messages of one stream are never this much out of order; a clock that is set by less is waited for.
JUMP_BACK_NS = 1_000_000_000


class JumpBack:
    """Follows the stamps of one stream."""

    def __init__(self) -> None:
        self._candidate_ns: int | None = None

    def confirmed(self, stamp_ns: int, last_ns: int) -> bool:
        """Whether this stamp shows that the clock jumped back; last_ns: the newest stamp of the stream before it.

        It takes two in a row that lie behind and rise, so that a single wrong stamp, or a driver that leaves all its
        stamps 0, is none.
        """
        before, self._candidate_ns = self._candidate_ns, None
        if stamp_ns > last_ns - JUMP_BACK_NS:
            return False
        if before is not None and stamp_ns > before:
            return True
        self._candidate_ns = stamp_ns
        return False


class StreamClock:
    """Follows the times of a recording: those of receipt, and the stamps of some topics whose messages have a header.

    stamped: such topics; none in simulated time, where the receipt tells all.
    """

    def __init__(self, stamped: Collection[str] = ()) -> None:
        self._last_log_ns = 0
        self._stamps = {topic: (JumpBack(), 0) for topic in stamped}

    def jumped_back(self, topic: str, log_ns: int, data: bytes) -> bool:
        """Whether a message, received at log_ns, is the first after a jump back. It is followed either way."""
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
