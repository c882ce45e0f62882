"""Rate, jitter, gaps and latency of one topic, and the cause of its losses."""

from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.data.streams.topic_counts import QUEUE_FULL, STAMP_GAP, TRANSPORT, TopicCounts
from aassl_ros.data.streams.topic_statistics import Spread, TopicStatistics

MS = 1_000_000
SECOND = 1000 * MS


def filled(stamps: list[int], latency_ns: int = 3 * MS) -> TopicCounts:
    statistics, counts = TopicStatistics(), TopicCounts()
    for stamp in stamps:
        statistics.take(stamp, stamp + latency_ns, stamped=True)
    statistics.fill(counts)
    return counts


def test_quantiles_are_within_five_per_cent_and_in_bounded_memory() -> None:
    values = np.random.default_rng(0).lognormal(15, 2, 50_000).astype(int)
    spread = Spread()
    for value in values.tolist():
        spread.add(value)
    for share in (0.01, 0.5, 0.99):
        assert spread.quantile(share) == pytest.approx(np.quantile(values, share), rel=0.05)
    assert len(spread.groups()) < 500


def test_rate_jitter_gap_and_latency_are_those_of_the_messages() -> None:
    rng = np.random.default_rng(1)
    stamps = np.cumsum(np.full(1000, 2 * MS) + rng.normal(0, 0.1 * MS, 1000)).astype(int)
    counts = filled([SECOND + stamp for stamp in stamps.tolist()])
    assert counts.rate_hz == pytest.approx(500, rel=0.01)
    assert counts.jitter_ms == pytest.approx(0.1, rel=0.1)
    assert counts.longest_gap_ms == pytest.approx(np.diff(stamps).max() / MS)
    assert counts.latency_ms_median == pytest.approx(3.0, rel=0.05)
    assert counts.stamp_gaps == 0


def test_messages_that_miss_in_a_regular_stream_are_estimated_from_the_gaps() -> None:
    every = [SECOND + k * 10 * MS for k in range(300)]
    counts = filled([stamp for k, stamp in enumerate(every) if k not in (50, 51, 52, 200)])
    assert counts.stamp_gaps == 4
    assert counts.longest_gap_ms == 40.0


def test_gaps_of_an_irregular_stream_tell_nothing() -> None:
    waits = np.random.default_rng(2).exponential(100 * MS, 300).astype(int)
    assert filled((SECOND + np.cumsum(waits)).tolist()).stamp_gaps == 0


def test_gaps_count_as_lost_only_if_the_middleware_numbers_no_messages() -> None:
    counts = TopicCounts(received=10, written=9, stamp_gaps=5)
    counts.lose(QUEUE_FULL, 1)
    counts.lose(TRANSPORT, 2)
    counts.count_stamp_gaps()
    assert (counts.dropped, counts.lost) == (1, 2)
    counts.sequence = False
    for _ in range(2):  # a second time adds nothing
        counts.count_stamp_gaps()
    assert (counts.dropped, counts.lost) == (1, 5)
    assert counts.causes == {QUEUE_FULL: 1, TRANSPORT: 2, STAMP_GAP: 3}


def test_an_older_stamp_is_late_but_a_clock_that_is_set_back_is_not() -> None:
    assert filled([SECOND, 2 * SECOND, 2 * SECOND - MS, 3 * SECOND]).late == 1
    assert filled([10 * SECOND, 11 * SECOND, SECOND, 2 * SECOND]).late == 0


def test_stamps_of_another_clock_have_no_latency() -> None:
    assert filled([k * SECOND for k in range(1, 5)], latency_ns=10**18).latency_ms_median is None
