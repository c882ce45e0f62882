"""The counts of one topic, of a bag or of an episode: received, written, lost by cause, and how regular it was."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from aassl_ros.data.interfaces.json_catalogue import EPISODE_LEDGER
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.errors import BagError

# Why a message is not in the bag. Ledgers in bags contain these texts: if you reword one, keep the old text, too.
QUEUE_FULL = "recorder's queue full"
WRITING_FAILED = "writing failed"
NOT_ENCODED = "not encoded as JPEG"
RECEIVE_QUEUE_FULL = "receive queue full"
TRANSPORT = "transport"
TRANSPORT_LARGE = "transport, larger than the shared memory takes"
STAMP_GAP = "gap between stamps"
_AT_RECORDER = (QUEUE_FULL, WRITING_FAILED, NOT_ENCODED)


@dataclass
class TopicCounts:
    """The counts of one topic.

    Attributes:
        type: message type.
        received, written: messages.
        dropped: received but not written (queue full, or not encoded).
        lost: sent but not received.
        causes: messages that are not in the bag, by cause; together dropped and lost.
        late: messages whose stamp is not newer than that of the message before.
        malformed: messages that cannot be decoded or used.
        stamp_gaps: messages that seem to be missing, because the spacing of the stamps has gaps; an estimate.
        sequence: whether the middleware numbers the messages, so that every loss is known; None: not known.
        rate_hz: mean rate by stamps.
        jitter_ms: standard deviation of the spacing of the stamps.
        longest_gap_ms: longest time between two receipts.
        latency_ms_median, latency_ms_p99: from the header's stamp to receipt; None without a header, or if the stamps
            are of another clock.
    """

    type: str = ""
    received: int = 0
    written: int = 0
    dropped: int = 0
    lost: int = 0
    causes: dict[str, int] = field(default_factory=dict)
    late: int = 0
    malformed: int = 0
    stamp_gaps: int = 0
    sequence: bool | None = None
    rate_hz: float | None = None
    jitter_ms: float | None = None
    longest_gap_ms: float | None = None
    latency_ms_median: float | None = None
    latency_ms_p99: float | None = None

    def lose(self, cause: str, count: int) -> None:
        """Count messages that are not in the bag."""
        # A new dictionary, because another thread may copy the old one.
        self.causes = {**self.causes, cause: self.causes.get(cause, 0) + count}
        if cause in _AT_RECORDER:
            self.dropped += count
        else:
            self.lost += count

    def drop_rest(self) -> None:
        """Count what was received and neither written nor dropped as dropped, because writing failed."""
        if rest := self.received - self.written - self.dropped:
            self.lose(WRITING_FAILED, rest)

    def count_stamp_gaps(self) -> None:
        """If the middleware does not number the messages, count the gaps between stamps as lost."""
        if self.sequence is not False:
            return
        others = {cause: count for cause, count in self.causes.items() if cause != STAMP_GAP}
        known = sum(count for cause, count in others.items() if cause not in _AT_RECORDER)
        gaps = max(0, self.stamp_gaps - known)
        self.causes = others | ({STAMP_GAP: gaps} if gaps else {})
        self.lost = known + gaps

    def regularity(self) -> str:
        """Rate, jitter, gap and latency in one line; empty if nothing is known."""
        parts = []
        if self.rate_hz is not None:
            parts.append(f"{self.rate_hz:.4g} Hz")
        if self.jitter_ms is not None:
            parts.append(f"jitter {self.jitter_ms:.3g} ms")
        if self.longest_gap_ms is not None:
            parts.append(f"longest gap {self.longest_gap_ms:.4g} ms")
        if self.latency_ms_median is not None:
            parts.append(f"latency {self.latency_ms_median:.3g} ms (p99 {self.latency_ms_p99 or 0.0:.3g} ms)")
        return ", ".join(parts)

    def losses(self) -> str:
        """What is missing or unusable, by cause, in one line; empty if nothing is."""
        told = {**self.causes, "late": self.late, "malformed": self.malformed}
        return ", ".join(f"{count} {cause}" for cause, count in told.items() if count)

    def summary(self) -> str:
        """One line: counts, losses and regularity."""
        parts = [f"{self.received} received, {self.written} written", self.losses(), self.regularity()]
        return "; ".join(part for part in parts if part)


@dataclass
class EpisodeCounts:
    """The counts of one episode. Frames belong to it by their stamp, other messages by stamp or time of receipt.

    start_ns, stop_ns: as in Episode. The other attributes are as in Ledger. closed: whether the counts are final.
    """

    id: str
    instance: str
    start_ns: int
    stop_ns: int | None = None
    frames_with_sample: int = 0
    frames_without_sample: dict[str, int] = field(default_factory=dict)
    bracket_ms_median: float | None = None
    bracket_ms_p99: float | None = None
    bracket_ms_max: float | None = None
    topics: dict[str, TopicCounts] = field(default_factory=dict)
    closed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """All counts, as `aassl bag info --json` prints them."""
        return asdict(self)

    def to_json(self) -> str:
        """One JSON object, with the name of its schema."""
        return EPISODE_LEDGER.encode(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> EpisodeCounts:
        """Read the counts from JSON. Raises BagError if they are damaged or of a newer version."""
        try:
            values = EPISODE_LEDGER.decode(text)
        except JsonMessageError as error:
            raise BagError(f"The ledger of an episode is damaged: {error}") from error
        values["topics"] = {topic: TopicCounts(**counts) for topic, counts in values["topics"].items()}
        return cls(**values)

    def summary(self) -> str:
        """One line of text: samples and losses."""
        parts = [f"{self.frames_with_sample} frames with sample"]
        parts += [f"{count} without ({reason})" for reason, count in self.frames_without_sample.items()]
        if self.bracket_ms_median is not None:
            tail = f"p99 {self.bracket_ms_p99:.4g} ms, max {self.bracket_ms_max:.4g} ms"
            parts.append(f"time between joint states {self.bracket_ms_median:.4g} ms ({tail})")
        parts += [f"{topic}: {losses}" for topic, one in self.topics.items() if (losses := one.losses())]
        return "; ".join(parts)
