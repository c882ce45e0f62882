"""Raw images that are recorded as JPEG: order, samples, names, and images that cannot be encoded."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.bags import jpeg_cameras
from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.jpeg_cameras import JpegCameras
from aassl_ros.data.bags.pre_record import PreRecordRing, PreRecordSettings
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recorded_images import TOO_SLOW
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.writer import STORAGES
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.data.streams.session import Session
from aassl_ros.data.streams.topic_counts import NOT_ENCODED

MS = 1_000_000
SECOND = 1000 * MS
RAW, JPEG = "/camera/image_raw", "/camera/image_raw/compressed"
STATE = "/recorder/sample/camera/joint_state"


@pytest.fixture
def jpeg() -> Iterator[JpegCameras]:
    cameras = JpegCameras([RAW], 90, threads=2)
    yield cameras
    cameras.close()


def record(recording: Recording, sent: Iterable[Any]) -> Ledger:
    for one in sent:
        recording.add_topic(one.topic, one.type)
        recording.receive(one.topic, one.stamp_ns + MS, one.stamp_ns, one.data)
    return recording.close()


class Gate:
    """Lets the workers encode only when it is open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open, self._encode = threading.Event(), jpeg_cameras.encode_jpeg
        monkeypatch.setattr(jpeg_cameras, "encode_jpeg", self._wait)

    def _wait(self, cdr: bytes, quality: int) -> bytes:
        # The thread that receives encodes the first image itself, to see whether it can be.
        if threading.current_thread().name.startswith("jpeg"):
            assert self._open.wait(60)
        return self._encode(cdr, quality)

    def open(self) -> None:
        self._open.set()


@pytest.mark.parametrize("storage", STORAGES)
def test_raw_images_are_recorded_as_jpeg_with_the_sample_of_each_frame(
    tmp_path: Path, session: Session, streams: Any, jpeg: JpegCameras, storage: str
) -> None:
    sent = list(streams.stream(2.0))
    frames = [one for one in sent if one.topic == RAW]
    ledger = record(Recording(tmp_path / "bag", session, storage=storage, jpeg=jpeg), sent)

    assert ledger.frame_topics == [JPEG]
    assert (ledger.frames_received, ledger.frames_written, ledger.frames_with_sample) == (60, 60, 60)
    assert ledger.topics[JPEG].type == messages.COMPRESSED_IMAGE
    assert RAW not in ledger.topics
    assert not ledger.lossy
    assert check_bag(tmp_path / "bag") == []
    with BagReader(tmp_path / "bag") as reader:
        assert RAW not in reader.topics
        assert reader.topics[JPEG].type == messages.COMPRESSED_IMAGE
        assert reader.session is not None
        assert reader.session.roles.cameras == {"camera": JPEG}
        written = list(reader.messages([JPEG]))
        states = [messages.header_stamp_ns(one.data) for one in reader.messages([STATE])]
        for one, raw in zip(written, frames, strict=True):
            found, expected = reader.decode(one), messages.decode(messages.IMAGE, raw.data)
            assert (one.log_ns, found.header.frame_id) == (raw.stamp_ns + MS, expected.header.frame_id)
            assert np.abs(messages.frame_from_message(found)[0, 0].astype(int) - expected.data[:3]).max() <= 2
    assert states == [one.stamp_ns for one in frames]


def test_messages_that_come_while_an_image_is_encoded_are_written_after_it(
    tmp_path: Path, session: Session, streams: Any, jpeg: JpegCameras, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    recording = Recording(tmp_path / "bag", session, jpeg=jpeg)
    sent = list(streams.stream(1.0))
    for one in sent:
        recording.add_topic(one.topic, one.type)
        recording.receive(one.topic, one.stamp_ns + MS, one.stamp_ns, one.data)
    assert not recording.settled
    gate.open()
    assert not recording.close().lossy
    with BagReader(tmp_path / "bag") as reader:
        written = [one for one in reader.messages() if not one.topic.startswith("/recorder")]
    named = [(one.topic.replace(RAW, JPEG), one.stamp_ns + MS) for one in sent]
    assert [(one.topic, one.log_ns) for one in written] == named


def test_a_malformed_image_is_dropped_with_its_cause_and_the_others_are_written(
    tmp_path: Path, session: Session, streams: Any, jpeg: JpegCameras
) -> None:
    sent = list(streams.stream(1.0))
    images = [number for number, one in enumerate(sent) if one.topic == RAW]
    for number in images[5:7]:
        sent[number] = sent[number]._replace(data=streams.image_cdr(sent[number].stamp_ns)[:-9])
    ledger = record(Recording(tmp_path / "bag", session, jpeg=jpeg), sent)

    counts = ledger.topics[JPEG]
    assert (counts.received, counts.written, counts.malformed) == (len(images), len(images) - 2, 2)
    assert counts.causes == {NOT_ENCODED: 2}
    assert ledger.lossy
    (warning,) = ledger.warnings
    assert warning.startswith(f"{JPEG}: an image was dropped, because it could not be encoded as JPEG: A message of ")
    with BagReader(tmp_path / "bag") as reader:
        assert reader.topics[JPEG].message_count == len(images) - 2
        (episode,) = reader.episode_ledgers()
    assert episode.topics[JPEG].causes == {NOT_ENCODED: 2}
    assert episode.topics[JPEG].received == episode.topics[JPEG].written + 2


@pytest.mark.parametrize(
    ("encoding", "reason"), [("16UC1", "with 16 bits a channel, and JPEG holds 8"), ("32FC1", "expected one of rgb8")]
)
def test_a_camera_whose_first_image_cannot_be_encoded_is_recorded_raw(
    tmp_path: Path, session: Session, streams: Any, jpeg: JpegCameras, encoding: str, reason: str
) -> None:
    sent = [
        one._replace(data=streams.image_cdr(one.stamp_ns, encoding=encoding)) if one.topic == RAW else one
        for one in streams.stream(1.0)
    ]
    images = [one.data for one in sent if one.topic == RAW]
    for name in ("bag", "bag_1"):  # the second after a split: what is known is not tried again
        ledger = record(Recording(tmp_path / name, session, jpeg=jpeg), sent)
        assert ledger.frame_topics == [RAW]
        assert JPEG not in ledger.topics
        counts = ledger.topics[RAW]
        assert (counts.type, counts.received, counts.written, counts.dropped) == (messages.IMAGE, *[len(images)] * 2, 0)
        assert ledger.frames_with_sample == len(images)
        with BagReader(tmp_path / name) as reader:
            assert JPEG not in reader.topics
            assert [one.data for one in reader.messages([RAW])] == images
            told = [Session.from_json(reader.decode(one).data) for one in reader.messages(["/recorder/session"])]
            assert reader.session == told[-1]
        assert told[-1].roles.cameras == {"camera": RAW}
        assert len(told) == (2 if name == "bag" else 1)
        said = [warning for warning in ledger.warnings if "raw in spite of jpeg_quality" in warning]
        assert len(said) == (name == "bag")
        assert all(warning.startswith(f"{RAW} is recorded raw") and reason in warning for warning in said)


def test_a_topic_that_is_compressed_already_is_recorded_as_it_comes(
    tmp_path: Path, session: Session, streams: Any, jpeg: JpegCameras
) -> None:
    data = jpeg.encode("/other", streams.image_cdr(SECOND)).result()
    message = streams.message(RAW, messages.COMPRESSED_IMAGE, SECOND, data)
    ledger = record(Recording(tmp_path / "bag", session, jpeg=jpeg), [message])
    assert ledger.frame_topics == [RAW]
    assert ledger.topics[RAW].written == 1
    assert any("it has type sensor_msgs/msg/CompressedImage" in warning for warning in ledger.warnings)
    with BagReader(tmp_path / "bag") as reader:
        assert [one.data for one in reader.messages([RAW])] == [data]


def test_if_the_workers_are_too_slow_the_queue_fills_and_the_advice_names_the_parameter(
    tmp_path: Path, session: Session, streams: Any, jpeg: JpegCameras, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    recording = Recording(tmp_path / "bag", session, queue_mb=1.0, jpeg=jpeg)
    recording.add_topic(RAW, messages.IMAGE)
    for number in range(30):
        stamp = SECOND + number * 33 * MS
        recording.receive(RAW, stamp, stamp, streams.image_cdr(stamp, size=200))
    recording.lose(RAW, 1)
    gate.open()
    ledger = recording.close()
    counts = ledger.topics[JPEG]
    assert (counts.received, counts.causes["recorder's queue full"], counts.lost) == (30, 30 - counts.written, 1)
    # Of 120 kB each, the queue holds 8, and one is out of it: the bytes that count are those of the raw images.
    assert counts.written in (8, 9)
    assert ledger.warnings == [TOO_SLOW]
    assert "jpeg_quality" in TOO_SLOW


def test_what_was_in_memory_before_the_trigger_is_encoded_too(
    tmp_path: Path, session: Session, streams: Any, jpeg: JpegCameras
) -> None:
    ring = PreRecordRing(PreRecordSettings(pre_record_s=60.0), "/episode")
    for one in streams.stream(1.0):
        ring.add_topic(one.topic, one.type)
        ring.receive(one.topic, one.stamp_ns + MS, one.stamp_ns, one.data)
    recording = Recording(tmp_path / "bag", session, queue_mb=1.0, jpeg=jpeg)
    ring.write_to(recording)
    ledger = recording.close()
    assert ledger.frames_written == ledger.frames_with_sample > 25
    assert check_bag(tmp_path / "bag") == []


def test_a_camera_without_an_image_is_an_empty_topic(tmp_path: Path, session: Session, jpeg: JpegCameras) -> None:
    recording = Recording(tmp_path / "bag", session, jpeg=jpeg)
    recording.add_topic(RAW, messages.IMAGE)
    recording.close()
    with BagReader(tmp_path / "bag") as reader:
        assert reader.topics[JPEG].message_count == 0


def test_the_size_of_an_encoded_image_is_about_that_of_the_last(streams: Any, jpeg: JpegCameras) -> None:
    raw = streams.image_cdr(SECOND, size=64)
    assert jpeg.size(RAW, raw) == len(raw)
    encoded = jpeg.encode(RAW, raw).result()
    assert jpeg.size(RAW, raw) == len(encoded) < len(raw) / 4
