from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import Reader

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.mcap_records import CHUNK, MAGIC, McapStream
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.recovery import recover_bag
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import BagError

STATE = "/recorder/sample/camera/joint_state"


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_recorded_bag_has_no_problems(streams: Any, make_bag: Any, storage: str) -> None:
    assert check_bag(make_bag(streams.stream(2.0), storage=storage)) == []


def rewritten(path: Path, change: Any) -> Path:
    """A copy of a bag with `change` applied to each message; None leaves it out."""
    out = path.with_name("changed")
    with BagReader(path) as reader, BagWriter(out) as writer:
        for name, topic in reader.topics.items():
            writer.add_topic(name, topic.type)
        for message in reader.messages():
            if (changed := change(message)) is not None:
                writer.write(changed.topic, changed.log_ns, changed.publish_ns, changed.data)
        for key, value in reader.custom_data.items():
            writer.set_custom_data(key, value)
    return out


def test_a_sample_that_is_missing_is_found(streams: Any, make_bag: Any) -> None:
    seen = iter(range(1000))
    path = rewritten(
        make_bag(streams.stream(2.0)),
        lambda message: None if message.topic == STATE and next(seen) == 5 else message,
    )
    (finding,) = check_bag(path)
    assert finding.startswith("1 samples computed from the raw streams are not in the bag, and 0 samples")


def test_a_sample_that_disagrees_with_its_streams_is_found(streams: Any, make_bag: Any) -> None:
    def change(message: Any) -> Any:
        if message.topic != STATE:
            return message
        stamp_ns = messages.header_stamp_ns(message.data)
        return message._replace(data=messages.encode_joint_state(stamp_ns, ["a"], [streams.angle(stamp_ns) + 0.1]))

    (finding,) = check_bag(rewritten(make_bag(streams.stream(1.0)), change))
    assert "are not among the computed ones" in finding


@pytest.mark.parametrize(
    ("topic", "said"), [("/camera/image_raw", "No frames of camera 'camera'"), ("/joint_states", "No joint states")]
)
def test_a_bag_without_frames_or_joints_is_found(streams: Any, make_bag: Any, topic: str, said: str) -> None:
    path = make_bag(message for message in streams.stream(1.0) if message.topic != topic)
    assert any(finding.startswith(said) for finding in check_bag(path))


def test_a_damaged_byte_is_found(streams: Any, make_bag: Any) -> None:
    path = make_bag(streams.stream(1.0))
    file = path / "bag_0.mcap"
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(data)
    (finding,) = check_bag(path)
    assert "checksum" in finding


def test_a_bag_of_another_recorder_is_read_but_has_no_session(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/text", messages.STRING)
        writer.write("/text", 1, 1, messages.encode_string("text"))
    (finding,) = check_bag(tmp_path / "bag")
    assert finding.startswith("No session")


@pytest.mark.parametrize("kept", [1.0, 0.8, 0.5])
def test_a_bag_that_was_never_closed_is_saved_to_the_last_whole_chunk(streams: Any, make_bag: Any, kept: float) -> None:
    path = make_bag([message for message in streams.stream(60.0)])
    (path / "metadata.yaml").unlink()
    file = path / "bag_0.mcap"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * kept)])
    recovered = recover_bag(path, path.with_name("saved"))
    with BagReader(path.with_name("saved")) as reader:
        assert recovered.messages == reader.message_count
        assert recovered.whole == (kept == 1.0)
        assert reader.session is not None
        duration_s = reader.duration_s
    assert duration_s == pytest.approx(60.0 * kept, abs=60.0 * (1 << 20) / len(whole) + 1.0)


def damage_middle_chunk(file: Path) -> None:
    """Flip a bit in the messages of the chunk in the middle: only these bytes are covered by its checksum."""
    with file.open("r+b") as stream:
        mcap = McapStream(file, stream)
        chunks = [place.offset for place in mcap.records(len(MAGIC), mcap.size - len(MAGIC)) if place.opcode == CHUNK]
        chunk = mcap.chunk(chunks[len(chunks) // 2])
        stream.seek(chunk.packed_offset + chunk.packed_bytes // 2)
        (byte,) = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([byte ^ 1]))


def test_recovery_leaves_out_a_damaged_chunk_alone_and_keeps_what_publishers_offered(
    streams: Any, tmp_path: Path, session: Session
) -> None:
    latched = Qos(
        QosHistory.KEEP_LAST,
        1,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL,
        QosTime(0, 0),
        QosTime(0, 0),
        QosLiveliness.AUTOMATIC,
        QosTime(0, 0),
        False,
    )
    recording = Recording(tmp_path / "bag", session)
    for message in streams.stream(60.0):
        recording.add_topic(message.topic, message.type, qos=[latched])
        recording.receive(message.topic, message.stamp_ns, message.stamp_ns, message.data)
    recording.close()
    file = tmp_path / "bag" / "bag_0.mcap"
    damage_middle_chunk(file)
    recovered = recover_bag(tmp_path / "bag", tmp_path / "saved")
    assert (recovered.damaged_chunks, recovered.whole) == (1, True)
    with BagReader(tmp_path / "bag") as damaged, BagReader(tmp_path / "saved") as saved:
        assert 0.4 * damaged.message_count < saved.message_count < damaged.message_count
        assert saved.duration_s == pytest.approx(60.0, abs=1.0)
    with Reader(tmp_path / "saved") as reader:
        offered = {connection.topic: connection.ext.offered_qos_profiles for connection in reader.connections}
    assert offered["/camera/image_raw"] == [latched]


def test_recovery_says_so_where_there_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"holds no \.mcap or \.db3 file"):
        recover_bag(tmp_path, tmp_path / "out")
