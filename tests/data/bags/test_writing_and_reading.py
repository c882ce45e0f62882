from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.writer import STORAGES, BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError

RELIABLE = Qos(
    QosHistory.KEEP_LAST,
    10,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    QosTime(0, 0),
    QosTime(0, 0),
    QosLiveliness.AUTOMATIC,
    QosTime(0, 0),
    False,
)
# As they were written before JSON messages had a schema, word for word.
OLD_SESSION = (
    '{"format": 1, "robot": "left", "arm": "panda", "base_link": "a", "tip_link": "b", "roles": {"cameras": {"front": '
    '"/front"}, "joint_states": "/joints", "commands": {"arm": "/command"}, "episode": "/episode", "object_pose": "", '
    '"joint_truth": ""}, "namespace": "/left", "joint_groups": {"arm": ["j1"]}, "settings": {"cameras": ["front"], '
    '"queue_mb": 256.0}, "versions": {"python": "3.11.2"}, "started_ns": 7}'
)
OLD_LEDGER = (
    '{"frames_received": 9, "frames_written": 8, "frames_dropped": 1, "frames_with_sample": 7, "bracket_ms_median": '
    '10.0, "messages_dropped": 1, "topics": {"/front": {"type": "sensor_msgs/msg/Image", "received": 9, "written": 8, '
    '"dropped": 1, "lost": 0}}, "frame_topics": ["/front"], "frames_without_sample": {"joint missing": 2}, '
    '"joint_states_dropped": {}, "commands_refused": 0, "commands_late": 0, "warnings": [], "closed": true}'
)
OLD_EVENT = (
    '{"id": "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11", "stamp": 5, "event": "start", "instance": "mug_0001", '
    '"category": null, "set": "test"}'
)
TEXTS = [messages.encode_string(f"text {number}") for number in range(1000)]


def write_bag(path: Path, storage: str = "mcap", count: int = len(TEXTS)) -> Path:
    """Texts on /text, sent 1 ns before they are received, every 1000 ns; and an empty topic /state."""
    with BagWriter(path, storage) as writer:
        writer.add_topic("/text", messages.STRING, qos=[RELIABLE, RELIABLE])
        writer.add_topic("/state", messages.JOINT_STATE)
        for number, data in enumerate(TEXTS[:count]):
            writer.write("/text", 5000 + 1000 * number, 4999 + 1000 * number, data)
        writer.set_custom_data("key", "värde: 1")
    return path


@pytest.mark.parametrize("storage", STORAGES)
def test_messages_are_read_back_byte_for_byte(tmp_path: Path, storage: str) -> None:
    with BagReader(write_bag(tmp_path / "bag", storage)) as reader:
        assert reader.topics == {"/text": (messages.STRING, 1000), "/state": (messages.JOINT_STATE, 0)}
        assert reader.custom_data == {"key": "värde: 1"}
        assert (reader.storage, reader.message_count, reader.start_ns) == (storage, 1000, 5000)
        read = list(reader.messages(["/text"]))
        assert [message.data for message in read] == TEXTS
        assert [message.log_ns for message in read] == [5000 + 1000 * number for number in range(1000)]
        assert reader.decode(read[3]).data == "text 3"


@pytest.mark.parametrize("storage", STORAGES)
def test_rosbags_reads_our_bags(tmp_path: Path, storage: str) -> None:
    with AnyReader([write_bag(tmp_path / "bag", storage)]) as reader:
        assert [bytes(data) for _, _, data in reader.messages()] == TEXTS
        (text,) = [connection for connection in reader.connections if connection.topic == "/text"]
        assert text.ext.offered_qos_profiles == [RELIABLE, RELIABLE]
        assert reader.deserialize(TEXTS[0], messages.STRING).data == "text 0"


def test_mcap_keeps_the_source_time_of_each_message_and_the_ros2_profile(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag", count=3)
    with (path / "bag_0.mcap").open("rb") as stream:
        reader = make_reader(stream)
        assert reader.get_header().profile == "ros2"
        found = [(schema.name, schema.encoding, message.publish_time) for schema, _, message in reader.iter_messages()]
    assert found == [(messages.STRING, "ros2msg", 4999 + 1000 * number) for number in range(3)]
    with BagReader(path) as reader:
        assert [message.publish_ns for message in reader.messages()] == [4999, 5999, 6999]


@pytest.mark.parametrize("storage", STORAGES)
def test_metadata_is_version_8_with_qos_as_one_string(tmp_path: Path, storage: str) -> None:
    path = write_bag(tmp_path / "bag", storage, count=2)
    information = yaml.safe_load((path / "metadata.yaml").read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
    assert information["version"] == 8
    assert information["duration"] == {"nanoseconds": 1000}
    assert information["starting_time"] == {"nanoseconds_since_epoch": 5000}
    topics = {
        topic["topic_metadata"]["name"]: topic["topic_metadata"] for topic in information["topics_with_message_count"]
    }
    profiles = topics["/text"]["offered_qos_profiles"]
    assert isinstance(profiles, str)
    assert [profile["reliability"] for profile in yaml.safe_load(profiles)] == [1, 1]
    assert topics["/text"]["type_description_hash"].startswith("RIHS01_")
    assert [file["path"] for file in information["files"]] == information["relative_file_paths"]


def test_messages_of_overlapping_chunks_are_read_in_order_of_receipt(tmp_path: Path) -> None:
    large = messages.encode_string("x" * 300_000)
    times = [(number * 7919) % 101 for number in range(101)]
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/text", messages.STRING)
        for time_ns in times:
            writer.write("/text", time_ns, time_ns, large)
    with BagReader(tmp_path / "bag") as reader:
        assert [message.log_ns for message in reader.messages()] == sorted(times)


@pytest.mark.parametrize("storage", STORAGES)
def test_an_empty_bag_opens_and_contains_nothing(tmp_path: Path, storage: str) -> None:
    with BagWriter(tmp_path / "bag", storage):
        pass
    with BagReader(tmp_path / "bag") as reader:
        assert (reader.topics, list(reader.messages()), reader.session, reader.ledger) == ({}, [], None, None)
        with pytest.raises(BagError, match=r"no topic /image \(found: nothing\)"):
            list(reader.messages(["/image"]))


def test_a_bag_is_never_overwritten(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag")
    with pytest.raises(BagError, match="exists already"):
        BagWriter(tmp_path / "bag")


def test_an_unknown_storage_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="storage is 'hdf5', expected one of mcap, sqlite3"):
        BagWriter(tmp_path / "bag", "hdf5")


def test_an_unknown_message_type_is_refused(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer, pytest.raises(BagError, match="has no definition"):
        writer.add_topic("/strange", "strange_msgs/msg/Strange")


def test_a_type_of_an_installed_package_is_found_by_its_msg_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "prefix" / "share" / "toy_msgs" / "msg"
    folder.mkdir(parents=True)
    (folder / "Toy.msg").write_text("std_msgs/Header header\nToyPart[] parts\n")
    (folder / "ToyPart.msg").write_text("string name\n")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    text, type_hash = messages.definition("toy_msgs/msg/Toy")
    assert "MSG: toy_msgs/ToyPart" in text
    assert type_hash.startswith("RIHS01_")


@pytest.mark.parametrize("storage", STORAGES)
def test_a_folder_that_cannot_be_written_is_a_one_line_error(tmp_path: Path, storage: str) -> None:
    # A file in the way stops root too, whom no permission does.
    (tmp_path / "file").write_text("")
    with pytest.raises(BagError, match=r"bag cannot be written: .*Choose another folder") as caught:
        BagWriter(tmp_path / "file" / "bag", storage)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_one_line_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(BagError, match="Permission denied"):
        BagWriter(tmp_path / "bag")


def cut(path: Path) -> None:
    file = path / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[:-100])


def scribble(path: Path) -> None:
    file = path / "bag_0.mcap"
    file.write_bytes(b"x" * file.stat().st_size)


def forget_file(path: Path) -> None:
    (path / "bag_0.mcap").unlink()


def garble_metadata(path: Path) -> None:
    (path / "metadata.yaml").write_text("{")


def empty_metadata(path: Path) -> None:
    (path / "metadata.yaml").write_text("")


def remove(path: Path) -> None:
    shutil.rmtree(path)


@pytest.mark.parametrize("harm", [cut, scribble, forget_file, garble_metadata, empty_metadata, remove])
def test_a_damaged_bag_is_a_one_line_error(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = write_bag(tmp_path / "bag")
    harm(path)
    with pytest.raises(BagError, match="bag") as caught, BagReader(path) as reader:
        list(reader.messages())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_bag_whose_messages_have_no_schema_still_opens(tmp_path: Path, storage: str) -> None:
    with BagWriter(tmp_path / "bag", storage) as writer:
        for topic, text in {"/left/recorder/session": OLD_SESSION, "/episode": OLD_EVENT}.items():
            writer.add_topic(topic, messages.STRING)
            writer.write(topic, 5, 5, messages.encode_string(text))
        writer.set_custom_data("recorder/ledger", OLD_LEDGER)
    with BagReader(tmp_path / "bag") as reader:
        assert reader.session is not None
        assert reader.ledger is not None
        assert (reader.session.robot, reader.session.joint_groups, reader.session.started_ns) == (
            "left",
            {"arm": ("j1",)},
            7,
        )
        assert (reader.ledger.frames_dropped, reader.ledger.frames_with_sample, reader.ledger.closed) == (1, 7, True)
        (episode,) = reader.episodes()
        assert (episode.instance, episode.category, episode.set, episode.start_ns) == ("mug_0001", None, "test", 5)
