from __future__ import annotations

import contextlib
import resource
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.recovery import recover_bag
from aassl_ros.data.bags.writer import STORAGES, BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import BagError

MS = 1_000_000
SECOND = 1000 * MS
IMAGE, STATE, COMMAND = (
    "/camera/image_raw",
    "/recorder/sample/camera/joint_state",
    "/recorder/sample/camera/joint_command",
)


@pytest.mark.parametrize("storage", STORAGES)
def test_every_frame_is_written_with_the_joint_state_and_the_command_at_its_stamp(
    streams: Any, make_bag: Any, storage: str
) -> None:
    with BagReader(make_bag(streams.stream(2.0), storage=storage)) as reader:
        frames = [messages.header_stamp_ns(message.data) for message in reader.messages([IMAGE])]
        states = [reader.decode(message) for message in reader.messages([STATE])]
        commands = [reader.decode(message) for message in reader.messages([COMMAND])]
        ledger = reader.ledger
    assert len(frames) == 60
    assert [messages.stamp_ns(state.header.stamp) for state in states] == frames
    for stamp, state in zip(frames, states, strict=True):
        assert state.position[0] == pytest.approx(streams.angle(stamp), abs=2e-5)
    first_command = SECOND + 200 * MS
    assert [messages.stamp_ns(one.header.stamp) for one in commands] == [
        stamp for stamp in frames if stamp >= first_command
    ]
    assert ledger is not None
    assert (ledger.frames_received, ledger.frames_written, ledger.frames_dropped) == (60, 60, 0)
    assert (ledger.frames_with_sample, ledger.bracket_ms_median, ledger.closed) == (60, 10.0, True)
    assert not ledger.lossy


def test_messages_are_written_as_they_came_with_receipt_and_source_time(streams: Any, make_bag: Any) -> None:
    sent = list(streams.stream(1.0))
    with BagReader(make_bag(sent)) as reader:
        written = [message for message in reader.messages() if not message.topic.startswith("/recorder")]
    assert [(message.topic, message.data) for message in written] == [(one.topic, one.data) for one in sent]
    assert all(message.log_ns == message.publish_ns + MS for message in written)


def test_the_session_is_the_first_message_and_in_the_custom_data(streams: Any, make_bag: Any, session: Session) -> None:
    with BagReader(make_bag(streams.stream(1.0))) as reader:
        first = next(reader.messages())
        assert first.topic == "/recorder/session"
        assert Session.from_json(reader.decode(first).data) == reader.session == session.started(SECOND + MS)


def test_the_ledger_is_written_repeatedly(streams: Any, make_bag: Any) -> None:
    with BagReader(make_bag(streams.stream(12.0))) as reader:
        assert reader.topics["/recorder/ledger"].message_count == 4


def test_the_episodes_of_a_bag_are_read_back(streams: Any, make_bag: Any) -> None:
    with BagReader(make_bag(streams.stream(1.0))) as reader:
        (episode,) = reader.episodes()
    assert (episode.robot, episode.instance, episode.set, episode.start_ns) == (
        "robot",
        "mug_0001",
        "train",
        SECOND + 1,
    )


def record(path: Path, session: Session, *sent: tuple[str, str, int, bytes]) -> Recording:
    recording = Recording(path, session)
    for topic, msgtype, log_ns, data in sent:
        recording.add_topic(topic, msgtype)
        recording.receive(topic, log_ns, 0, data)
    return recording


def test_messages_before_the_first_clock_get_the_time_of_the_first_clock(tmp_path: Path, session: Session) -> None:
    texts = [messages.encode_string(text) for text in ("early", "earlier still", "timed")]
    recording = record(
        tmp_path / "bag",
        session,
        ("/description", messages.STRING, 0, texts[0]),
        ("/description", messages.STRING, 0, texts[1]),
        ("/description", messages.STRING, 7 * SECOND, texts[2]),
    )
    assert recording.close().topics["/description"].written == 3
    with BagReader(tmp_path / "bag") as reader:
        assert [message.data for message in reader.messages(["/description"])] == texts
        assert {message.log_ns for message in reader.messages()} == {7 * SECOND}


def test_a_recording_without_messages_is_a_bag_with_a_session(tmp_path: Path, session: Session) -> None:
    record(tmp_path / "bag", session).close()
    with BagReader(tmp_path / "bag") as reader:
        assert reader.session is not None
        assert reader.ledger is not None
        assert reader.ledger.frames_received == 0


def test_unreadable_messages_are_recorded_unchanged_and_counted(tmp_path: Path, session: Session, streams: Any) -> None:
    episode_again = streams.episode_json("stop", 5).replace("8c1d", "0000")
    recording = record(
        tmp_path / "bag",
        session,
        (IMAGE, messages.IMAGE, SECOND, streams.image_cdr(SECOND)),
        (IMAGE, messages.IMAGE, SECOND, streams.image_cdr(2 * SECOND, encoding="32FC1")),
        (IMAGE, messages.IMAGE, SECOND, streams.image_cdr(3 * SECOND, size=24)),
        (IMAGE, messages.IMAGE, SECOND, b"\0\1"),
        ("/joint_states", messages.JOINT_STATE, SECOND, b"\0\1\0\0junk"),
        ("/joint_states", messages.JOINT_STATE, SECOND, messages.encode_joint_state(1, ["a"], [float("nan")])),
        ("/joint_states", messages.JOINT_STATE, SECOND, messages.encode_joint_state(1, ["a", "b"], [0.0])),
        ("/command", messages.JOINT_TRAJECTORY, SECOND, streams.trajectory_cdr(SECOND, None)),
        ("/command", messages.JOINT_TRAJECTORY, SECOND, streams.trajectory_cdr(SECOND, float("nan"))),
        ("/episode", messages.STRING, SECOND, messages.encode_string("no json")),
        ("/episode", messages.STRING, SECOND, messages.encode_string(episode_again)),
    )
    ledger = recording.close()
    assert sum(topic.written for topic in ledger.topics.values()) == 11
    assert any("encoding '32FC1'" in warning for warning in ledger.warnings)
    assert ledger.frames_of_unknown_encoding == 1
    assert ledger.frames_of_another_size == 1
    assert ledger.messages_unreadable == 2
    assert ledger.joint_states_dropped == {"not finite": 1, "wrong length": 1}
    assert ledger.commands_refused == 2
    assert ledger.episodes_refused == 2


def test_the_first_frame_whose_pixels_cannot_be_read_is_said_while_recording(
    tmp_path: Path, session: Session, streams: Any
) -> None:
    kind = messages.typestore().types[messages.IMAGE]
    recording = Recording(tmp_path / "bag", session)
    recording.add_topic(IMAGE, messages.IMAGE)
    for number in range(3):
        sound = messages.decode(messages.IMAGE, streams.image_cdr(SECOND + number))
        padded = np.random.default_rng(number).integers(0, 255, (sound.height, 52), np.uint8)
        told = {"height": sound.height, "width": sound.width, "encoding": "rgb8", "is_bigendian": 0, "step": 48}
        wrong = kind(header=sound.header, data=padded.reshape(-1), **told)
        recording.receive(IMAGE, SECOND + number, SECOND, messages.encode(wrong, messages.IMAGE))
    ledger = recording.close()

    assert ledger.frames_of_unknown_encoding == 3
    assert ledger.lossy
    (warning,) = ledger.warnings
    assert warning.startswith(
        f"{IMAGE}: An image of 16 x 16 rgb8 has 832 bytes, but 16 rows of step = 48 are 768 bytes"
    )
    assert any("step = 48" in finding for finding in check_bag(recording.path))


def test_a_wrong_step_of_unpadded_rows_is_no_loss(tmp_path: Path, session: Session, streams: Any) -> None:
    sound = messages.decode(messages.IMAGE, streams.image_cdr(SECOND))
    kind = messages.typestore().types[messages.IMAGE]
    told = {name: getattr(sound, name) for name in ("header", "height", "width", "encoding", "is_bigendian", "data")}
    wrong = messages.encode(kind(**told, step=4), messages.IMAGE)

    ledger = record(tmp_path / "bag", session, (IMAGE, messages.IMAGE, SECOND, wrong)).close()

    assert ledger.frames_of_unknown_encoding == 0
    assert not ledger.warnings


def test_compressed_frames_get_samples_too(tmp_path: Path, session: Session, streams: Any) -> None:
    image = messages.typestore().types[messages.COMPRESSED_IMAGE]
    recording = Recording(tmp_path / "bag", session)
    for one in streams.stream(1.0):
        if one.topic == IMAGE:
            head = messages.decode(messages.IMAGE, one.data).header
            data = messages.encode(image(head, "jpeg", np.zeros(10, np.uint8)), messages.COMPRESSED_IMAGE)
            one = one._replace(type=messages.COMPRESSED_IMAGE, data=data)
        recording.add_topic(one.topic, one.type)
        recording.receive(one.topic, one.stamp_ns, one.stamp_ns, one.data)
    ledger = recording.close()
    assert ledger.frames_with_sample == ledger.frames_received > 20


def test_messages_that_do_not_fit_into_the_queue_are_counted_as_dropped(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_is_free = threading.Event()
    write = BagWriter.write

    def write_slowly(self: BagWriter, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        assert disk_is_free.wait(20)
        write(self, topic, log_ns, publish_ns, data)

    monkeypatch.setattr(BagWriter, "write", write_slowly)
    recording = Recording(tmp_path / "bag", session, queue_mb=1.0)
    recording.add_topic("/text", messages.STRING)
    text = messages.encode_string("x" * 100_000)
    for number in range(50):
        recording.receive("/text", SECOND + number, 0, text)
    disk_is_free.set()
    counts = recording.close().topics["/text"]
    assert counts.received == 50
    # The queue holds 9 of them, and the one being written is out of it.
    assert counts.written in (9, 10)
    assert counts.dropped == 50 - counts.written
    with BagReader(tmp_path / "bag") as reader:
        assert reader.topics["/text"].message_count == counts.written


def test_a_full_disk_is_an_error_and_messages_not_in_the_bag_are_counted(tmp_path: Path, session: Session) -> None:
    recording = Recording(tmp_path / "bag", session, file=FileSettings(min_free_mb=0.0))
    recording.add_topic("/text", messages.STRING)
    text = messages.encode_string("x" * 100_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, limits[1]))
    try:
        for number in range(50):
            recording.receive("/text", SECOND + number, 0, text)
        with pytest.raises(BagError, match=r"cannot be written: File too large. Choose another folder or free space"):
            recording.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    recording.receive("/text", 2 * SECOND, 0, text)
    counts = recording.ledger.topics["/text"]
    assert counts.received == 51
    assert counts.dropped == 51 - counts.written > 0


def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path: Path, session: Session) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BagError, match="cannot be written"):
        Recording(tmp_path / "file" / "bag", session)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_few_messages_are_safe_soon_though_no_more_come(
    streams: Any, session: Session, tmp_path: Path, storage: str
) -> None:
    recording = Recording(tmp_path / "bag", session, storage=storage)
    for message in list(streams.stream(0.1))[:5]:
        recording.add_topic(message.topic, message.type)
        recording.receive(message.topic, message.stamp_ns, message.stamp_ns, message.data)
    saved = 0
    until = time.monotonic() + 60
    while saved < 5 and time.monotonic() < until:
        time.sleep(0.05)
        # As a kill would leave it.
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.rmtree(tmp_path / "saved", ignore_errors=True)
        shutil.copytree(tmp_path / "bag", tmp_path / "copy")
        with contextlib.suppress(BagError):
            saved = recover_bag(tmp_path / "copy", tmp_path / "saved").messages
    assert saved >= 5
    recording.close()
    assert check_bag(tmp_path / "bag") == []
