"""Follows each topic, of the whole bag and of each episode, for the ledger of a recording.

The episode of a message may be announced after the message, so messages wait a moment before they are counted for one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aassl_ros.data.streams.episodes import Episode, EpisodeTracker
from aassl_ros.data.streams.sync_counts import SyncCounts
from aassl_ros.data.streams.topic_counts import NOT_ENCODED, QUEUE_FULL, EpisodeCounts, TopicCounts
from aassl_ros.data.streams.topic_statistics import TopicStatistics

# How long a message waits for the event of its episode, by time of receipt.
_EVENT_DELAY_NS = 2_000_000_000
# Counts of a running episode are written again after this time.
_REPEATED_NS = 5_000_000_000
# Losses of one topic within this time are noted together, so that a long stall fills no memory.
_TOGETHER_NS = 100_000_000


@dataclass
class _EpisodeRecord:
    """What is followed of one episode."""

    statistics: dict[str, TopicStatistics] = field(default_factory=dict)
    counts: dict[str, TopicCounts] = field(default_factory=dict)
    samples: SyncCounts = field(default_factory=SyncCounts)

    def topic(self, name: str) -> TopicCounts:
        counts = self.counts.get(name)
        if counts is None:
            counts = self.counts[name] = TopicCounts()
        return counts

    def take(self, log_ns: int, time_ns: int, topic: str, stamped: bool) -> None:
        statistics = self.statistics.get(topic)
        if statistics is None:
            statistics = self.statistics[topic] = TopicStatistics()
        statistics.take(time_ns, log_ns, stamped=stamped)
        counts = self.topic(topic)
        counts.received += 1
        counts.written += 1

    def malformed(self, log_ns: int, time_ns: int, topic: str) -> None:
        self.topic(topic).malformed += 1

    def sampled(self, log_ns: int, time_ns: int, bracket: int) -> None:
        self.samples.samples += 1
        self.samples.brackets[bracket] += 1

    def rejected(self, log_ns: int, time_ns: int, reason: str) -> None:
        self.samples.rejected[reason] += 1


class LossLedger:
    """Counts the messages of each topic.

    `lost` may be called from any thread, everything else from one.

    Args:
        episodes: the episodes so far; the caller adds to them and then calls `episodes_changed`.
        stamp_of: converts a time of receipt to the clock of the stamps.
    """

    def __init__(self, episodes: EpisodeTracker, stamp_of: Callable[[int], int]) -> None:
        self._episodes, self._stamp_of = episodes, stamp_of
        self._topics: dict[str, TopicStatistics] = {}
        # Time of receipt, time by the stamps, and what to call for the episode, with further arguments.
        self._waiting: deque[tuple[int, int, Callable[..., None], tuple[object, ...]]] = deque()
        self._lost: deque[tuple[int, str, str, int]] = deque()
        self._lock = threading.Lock()
        self._records: dict[str, _EpisodeRecord] = {}
        self._current: Episode | None = None
        self._written: dict[str, int] = {}
        self._final: set[str] = set()
        self._now_ns = 0

    def take(self, topic: str, log_ns: int, stamp_ns: int | None) -> None:
        """Take a message that was written. stamp_ns: of its header; None if it has none."""
        time_ns = self._stamp_of(log_ns) if stamp_ns is None else stamp_ns
        stamped = stamp_ns is not None
        statistics = self._topics.get(topic)
        if statistics is None:
            statistics = self._topics[topic] = TopicStatistics()
        statistics.take(time_ns, log_ns, stamped=stamped)
        if log_ns > self._now_ns:
            self._now_ns = log_ns
        self._waiting.append((log_ns, time_ns, _EpisodeRecord.take, (topic, stamped)))
        if self._lost or self._waiting[0][0] <= log_ns - _EVENT_DELAY_NS:
            self._settle(log_ns - _EVENT_DELAY_NS)

    def malformed(self, topic: str, log_ns: int) -> None:
        """Count a message that was written, but cannot be used, for its episode."""
        self._waiting.append((log_ns, self._stamp_of(log_ns), _EpisodeRecord.malformed, (topic,)))

    def lost(self, topic: str, cause: str, log_ns: int, number: int) -> None:
        """Count messages for their episode that are not in the bag. log_ns: the time of receipt of about then."""
        with self._lock:
            if self._lost:
                then_ns, *what, before = self._lost[-1]
                if what == [topic, cause] and 0 <= log_ns - then_ns < _TOGETHER_NS:
                    self._lost[-1] = (then_ns, topic, cause, before + number)
                    return
            self._lost.append((log_ns, topic, cause, number))

    def sampled(self, stamp_ns: int, bracket: int) -> None:
        """Count a frame with a sample. bracket: in the unit of SyncCounts."""
        self._waiting.append((self._now_ns, stamp_ns, _EpisodeRecord.sampled, (bracket,)))

    def rejected(self, stamp_ns: int, reason: str) -> None:
        """Count a frame without a sample."""
        self._waiting.append((self._now_ns, stamp_ns, _EpisodeRecord.rejected, (reason,)))

    def episodes_changed(self) -> None:
        """Call it after an event was added to the episodes."""
        self._current = None

    def fill(self, topics: Mapping[str, TopicCounts]) -> None:
        """Write rate, jitter, gaps and latency into the counts of the bag's topics."""
        for name, statistics in self._topics.items():
            if name in topics:
                statistics.fill(topics[name])
                topics[name].count_stamp_gaps()

    def to_write(self, log_ns: int) -> list[EpisodeCounts]:
        """The episodes whose counts are final now, each once, and from time to time that of the running one."""
        settled_ns = self._stamp_of(log_ns - 2 * _EVENT_DELAY_NS)
        due = []
        for episode in self._known():
            final = episode.stop_ns is not None and episode.stop_ns <= settled_ns
            if final or log_ns >= self._written.setdefault(episode.id, log_ns) + _REPEATED_NS:
                due.append(self._counts(episode, closed=final))
                self._written[episode.id] = log_ns
            if final:
                del self._records[episode.id]
                self._final.add(episode.id)
        return due

    def flush(self) -> list[EpisodeCounts]:
        """Count every waiting message; return the counts of all episodes that were not final before."""
        self._settle(None)
        return [self._counts(episode, closed=True) for episode in self._known()]

    def running(self) -> EpisodeCounts | None:
        """The counts of the newest episode; None if no message is of one that is not final."""
        known = self._known()
        return self._counts(known[-1], closed=False) if known else None

    def _known(self) -> list[Episode]:
        return [episode for episode in self._episodes.episodes if episode.id in self._records] if self._records else []

    def _counts(self, episode: Episode, *, closed: bool) -> EpisodeCounts:
        record = self._records[episode.id]
        for name, statistics in record.statistics.items():
            statistics.fill(record.topic(name))
        samples = record.samples
        return EpisodeCounts(
            episode.id,
            episode.instance,
            episode.start_ns,
            episode.stop_ns,
            samples.samples,
            dict(samples.rejected),
            samples.bracket_ms_median,
            samples.bracket_ms(0.99),
            samples.bracket_ms(1.0),
            dict(record.counts),
            closed,
        )

    def _settle(self, until_ns: int | None) -> None:
        """Count the messages received up to a time for their episodes; None means all."""
        while self._lost and (until_ns is None or self._lost[0][0] <= until_ns):
            with self._lock:
                log_ns, topic, cause, number = self._lost.popleft()
            if record := self._record_at(self._stamp_of(log_ns)):
                record.topic(topic).lose(cause, number)
                record.topic(topic).received += number if cause in (QUEUE_FULL, NOT_ENCODED) else 0
        while self._waiting and (until_ns is None or self._waiting[0][0] <= until_ns):
            log_ns, time_ns, count, about = self._waiting.popleft()
            if record := self._record_at(time_ns):
                count(record, log_ns, time_ns, *about)

    def _record_at(self, time_ns: int) -> _EpisodeRecord | None:
        episode = self._current
        if episode is None or not episode.holds(time_ns):
            episode = self._current = self._episodes.at(time_ns)
        if episode is None:
            return None
        record = self._records.get(episode.id)
        if record is None and episode.id not in self._final:
            record = self._records[episode.id] = _EpisodeRecord()
        return record
