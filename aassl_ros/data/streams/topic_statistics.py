"""How regular a topic is: rate, jitter, longest gap and latency, from a fixed amount of memory."""

from __future__ import annotations

import math
from collections import Counter

from aassl_ros.data.streams.topic_counts import TopicCounts

# Width of a bucket: each is 5 % above the one before. From 1 us to 1 h there are 440.
_BUCKETS_PER_E = 1 / math.log(1.05)
# A larger difference of stamp and receipt is a difference of clocks, not latency.
_OTHER_CLOCK_NS = 5_000_000_000
# Stamps so far back are those of another run: the clock was set back.
_SET_BACK_NS = 1_000_000_000
# A topic is periodic if so many of its spacings are near the median. Gaps of other topics tell nothing.
_PERIODIC_SHARE = 0.9
_PERIODIC_AT_LEAST = 20
_NEAR = 0.5


class Spread:
    """Values above zero, counted in buckets of 5 %, for quantiles."""

    def __init__(self) -> None:
        self.count = 0
        self._buckets: Counter[int] = Counter()
        self._sums: Counter[int] = Counter()

    def add(self, value: int) -> None:
        """Count a value; one below 1 counts as 1."""
        bucket = round(math.log(value) * _BUCKETS_PER_E) if value > 1 else 0
        self.count += 1
        self._buckets[bucket] += 1
        self._sums[bucket] += value

    def quantile(self, share: float) -> float | None:
        """The value below which that share lies, within 5 %; None without values."""
        wanted, seen = math.ceil(share * self.count), 0
        for bucket, count in sorted(self._buckets.items()):
            seen += count
            if seen >= max(wanted, 1):
                return self._sums[bucket] / count
        return None

    def groups(self) -> list[tuple[float, int]]:
        """The mean and the count of each bucket, rising."""
        return [(self._sums[bucket] / count, count) for bucket, count in sorted(self._buckets.items())]


class TopicStatistics:
    """Takes the times of each message of one topic."""

    __slots__ = ("_first_ns", "_last_log_ns", "_last_ns", "_latency", "_longest_ns", "_mean", "_spacing", "_square",
                 "late")  # fmt: skip

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._last_ns = self._last_log_ns = self._longest_ns = self.late = 0
        self._mean = self._square = 0.0
        self._spacing, self._latency = Spread(), Spread()

    def take(self, time_ns: int, log_ns: int, *, stamped: bool) -> None:
        """Take a message.

        Args:
            time_ns: its stamp, or its receipt if it has none, ns.
            log_ns: its receipt, ns.
            stamped: whether time_ns is a stamp.
        """
        if stamped and 0 <= (latency_ns := log_ns - time_ns) < _OTHER_CLOCK_NS:
            self._latency.add(latency_ns)
        if self._first_ns is None:
            self._first_ns = time_ns
        else:
            if log_ns - self._last_log_ns > self._longest_ns:
                self._longest_ns = log_ns - self._last_log_ns
            spacing_ns = time_ns - self._last_ns
            if -_SET_BACK_NS < spacing_ns <= 0:
                self.late += 1
                self._last_log_ns = log_ns
                return
            if spacing_ns > 0:
                self._spacing.add(spacing_ns)
                step = spacing_ns - self._mean
                self._mean += step / self._spacing.count
                self._square += step * (spacing_ns - self._mean)
        self._last_ns, self._last_log_ns = time_ns, log_ns

    def fill(self, counts: TopicCounts) -> None:
        """Write what is known into the counts of the topic."""
        counts.late = self.late
        spacings = self._spacing.count
        if spacings:
            counts.rate_hz = 1e9 / self._mean
            counts.longest_gap_ms = self._longest_ns / 1e6
        if spacings > 1:
            counts.jitter_ms = math.sqrt(self._square / (spacings - 1)) / 1e6
        counts.stamp_gaps = self._missing()
        if self._latency.count:
            counts.latency_ms_median = (self._latency.quantile(0.5) or 0.0) / 1e6
            counts.latency_ms_p99 = (self._latency.quantile(0.99) or 0.0) / 1e6

    def _missing(self) -> int:
        """How many messages of a periodic topic seem to be missing in the gaps of its stamps."""
        if self._spacing.count < _PERIODIC_AT_LEAST:
            return 0
        period_ns = self._spacing.quantile(0.5) or 1.0
        groups = self._spacing.groups()
        near = sum(count for spacing_ns, count in groups if abs(spacing_ns / period_ns - 1) < _NEAR)
        if near < _PERIODIC_SHARE * self._spacing.count:
            return 0
        wide = [(spacing_ns, count) for spacing_ns, count in groups if spacing_ns > period_ns]
        return sum(count * (round(spacing_ns / period_ns) - 1) for spacing_ns, count in wide)
