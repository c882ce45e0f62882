"""Tells a clock that was set back for good, as by a simulator started again, from a message that only came late."""

from __future__ import annotations

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
