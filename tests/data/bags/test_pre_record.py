"""The last seconds in memory."""

from __future__ import annotations

import uuid
from pathlib import Path

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

from aassl_ros.data.bags.pre_record import PreRecordRing, PreRecordSettings
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.session import Session

SECOND = 1_000_000_000
FOREVER = QosTime(2**31 - 1, 0)
LATCHED = Qos(
    QosHistory.KEEP_LAST,
    1,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    FOREVER,
    FOREVER,
    QosLiveliness.AUTOMATIC,
    FOREVER,
    False,
)
TEXT = messages.encode_string("x" * 100_000)


def filled(settings: PreRecordSettings, seconds: int) -> PreRecordRing:
    """A ring that got ten texts of 100 kB a second, and before them one message of a latched topic."""
    ring = PreRecordRing(settings, "/episode")
    ring.add_topic("/description", messages.STRING, qos=[LATCHED])
    ring.receive("/description", SECOND, SECOND, messages.encode_string("latched"))
    ring.add_topic("/text", messages.STRING)
    for number in range(10 * seconds):
        ring.receive("/text", 2 * SECOND + number * SECOND // 10, 0, TEXT)
    return ring


def test_the_last_seconds_and_what_was_latched_before_are_written(tmp_path: Path, session: Session) -> None:
    ring = filled(PreRecordSettings(pre_record_s=2.0), seconds=10)
    assert ring.seconds == 2.0
    assert ring.mb < 2.2
    # The queue is smaller than what is in memory, and nothing may be lost.
    recording = Recording(tmp_path / "bag", session, queue_mb=1.0)
    ring.write_to(recording)
    recording.receive("/text", 13 * SECOND, 0, messages.encode_string("now"))
    ledger = recording.close()
    assert (ledger.topics["/text"].received, ledger.topics["/text"].dropped) == (22, 0)
    with BagReader(tmp_path / "bag") as reader:
        texts = [message.log_ns for message in reader.messages(["/text"])]
        (latched,) = reader.messages(["/description"])
        assert reader.decode(latched).data == "latched"
    assert texts == [9_900_000_000 + number * SECOND // 10 for number in range(21)] + [13 * SECOND]
    assert (latched.log_ns, latched.publish_ns) == (9_900_000_000, SECOND)


def test_memory_is_bounded(tmp_path: Path, session: Session) -> None:
    ring = filled(PreRecordSettings(pre_record_s=60.0, pre_record_mb=1.0), seconds=10)
    assert 0.9 < ring.mb <= 1.0
    assert 0.7 < ring.seconds < 1.0


def test_a_clock_set_back_leaves_only_what_is_latched(tmp_path: Path, session: Session) -> None:
    ring = filled(PreRecordSettings(pre_record_s=60.0), seconds=1)
    ring.forget()
    assert (ring.mb, ring.seconds) == (0.0, 0.0)
    ring.receive("/text", SECOND // 2, 0, TEXT)
    recording = Recording(tmp_path / "bag", session)
    ring.write_to(recording)
    counts = recording.close().topics
    assert (counts["/text"].written, counts["/description"].written) == (1, 1)


def test_an_episode_that_starts_now_is_a_trigger_and_one_from_before_is_not() -> None:
    ring = PreRecordRing(PreRecordSettings(pre_record_s=5.0), "/episode")

    def event(kind: str, stamp_s: float) -> bytes:
        made = EpisodeEvent(str(uuid.uuid4()), round(stamp_s * SECOND), kind, "mug_0001", "mug")
        return messages.encode_string(made.to_json())

    assert ring.is_trigger("/episode", 100 * SECOND, event("start", 99.0))
    assert not ring.is_trigger("/episode", 100 * SECOND, event("start", 90.0))
    assert not ring.is_trigger("/episode", 100 * SECOND, event("stop", 99.0))
    assert not ring.is_trigger("/other", 100 * SECOND, event("start", 99.0))
    assert not ring.is_trigger("/episode", 100 * SECOND, b"\0\1")
