"""Maps times of receipt to the clock of the stamps, if the two differ: simulated stamps received by the wall clock."""

from __future__ import annotations

# Latency and transport stay far below this; another clock is far above.
_OTHER_CLOCK_NS = 5_000_000_000


class ReceiptClock:
    """Follows the difference between the stamps of a stream and its times of receipt."""

    def __init__(self) -> None:
        self.offset_ns: int | None = None

    def take(self, stamp_ns: int, receipt_ns: int) -> None:
        """Take a message's stamp and receipt, ns. A stamp of 0 tells nothing."""
        if stamp_ns:
            self.offset_ns = stamp_ns - receipt_ns

    @property
    def differs(self) -> bool:
        """Whether stamps and receipts are of different clocks."""
        return self.offset_ns is not None and abs(self.offset_ns) > _OTHER_CLOCK_NS

    def stamp_of(self, receipt_ns: int) -> int:
        """The time of a receipt by the clock of the stamps; the receipt itself if the clocks are the same."""
        return receipt_ns + (self.offset_ns or 0) if self.differs else receipt_ns
