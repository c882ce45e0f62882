"""BAG may be a folder, one file, or several, of ROS 1 or 2, with or without metadata.yaml, compressed or not."""

from __future__ import annotations

import json
import shutil
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backports import zstd
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.typesys import Stores, get_typestore

from aassl_ros.cli.main import main
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovery import recover_bag
from aassl_ros.data.bags.stored import Part, StoredMessage, StoredTopic, in_order
from aassl_ros.data.bags.writer import STORAGES, BagWriter
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError

MS = 1_000_000
ROS1 = get_typestore(Stores.ROS1_NOETIC)


def recorded(streams: Any) -> list[Any]:
    return list(streams.stream(2.0))


def as_ros1(message: Any) -> bytes:
    """The same message as ROS 1 writes it: its header has a counter more."""
    return bytes(messages.typestore().cdr_to_ros1(message.data, message.type))


def write_rosbag1(path: Path, stream: list[Any], compression: Any = None) -> Path:
    writer = Rosbag1Writer(path)
    if compression:
        writer.set_compression(compression)
    with writer:
        connections: dict[str, Any] = {}
        for message in stream:
            if message.topic not in connections:
                connections[message.topic] = writer.add_connection(message.topic, message.type, typestore=ROS1)
            writer.write(connections[message.topic], message.stamp_ns + MS, as_ros1(message))
    return path


def write_ros1_mcap(path: Path, stream: list[Any]) -> Path:
    """As `mcap convert` makes it of a .bag: types without /msg/, definitions of ROS 1."""
    with path.open("wb") as file:
        writer = McapWriter(file, compression=CompressionType.LZ4)
        writer.start("ros1")
        channels: dict[str, int] = {}
        for message in stream:
            if message.topic not in channels:
                definition = ROS1.generate_msgdef(message.type, ros_version=1)[0]
                schema = writer.register_schema(message.type.replace("/msg/", "/"), "ros1msg", definition.encode())
                channels[message.topic] = writer.register_channel(message.topic, "ros1", schema, {})
            writer.add_message(channels[message.topic], message.stamp_ns + MS, as_ros1(message), message.stamp_ns)
        writer.finish()
    return path


def write_early_sqlite3(path: Path, stream: list[Any]) -> Path:
    """As ROS 2 Crystal and Dashing wrote: no definitions, no QoS, no index."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)")
    connection.execute(
        "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB NOT NULL)"
    )
    topics: dict[str, int] = {}
    for message in stream:
        if message.topic not in topics:
            topics[message.topic] = len(topics) + 1
            connection.execute(
                "INSERT INTO topics VALUES(?, ?, ?, 'cdr')", (topics[message.topic], message.topic, message.type)
            )
        connection.execute(
            "INSERT INTO messages(topic_id, timestamp, data) VALUES(?, ?, ?)",
            (topics[message.topic], message.stamp_ns + MS, message.data),
        )
    connection.commit()
    connection.close()
    return path


def write_own(path: Path, stream: list[Any], storage: str = "mcap") -> Path:
    with BagWriter(path, storage) as writer:
        for message in stream:
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.stamp_ns + MS, message.stamp_ns, message.data)
    return path


def make(kind: str, folder: Path, stream: list[Any]) -> Path:
    """A bag of that kind with these messages."""
    if kind.startswith("rosbag1"):
        name = kind.partition(" ")[2]
        return write_rosbag1(
            folder / "bag.bag", stream, Rosbag1Writer.CompressionFormat[name.upper()] if name else None
        )
    if kind == "ros1 mcap":
        return write_ros1_mcap(folder / "bag.mcap", stream)
    if kind == "early sqlite3":
        return write_early_sqlite3(folder / "bag.db3", stream)
    storage, _, how = kind.partition(" ")
    bag = write_own(folder / "bag", stream, storage)
    (file,) = [entry for entry in bag.iterdir() if entry.name != "metadata.yaml"]
    if how == "file":
        return file.rename(folder / file.name)
    if how == "zstd":
        packed = folder / f"{file.name}.zstd"
        packed.write_bytes(zstd.compress(file.read_bytes()))
        return packed
    (bag / "metadata.yaml").unlink()
    return bag


KINDS = ["rosbag1", "rosbag1 bz2", "rosbag1 lz4", "ros1 mcap", "early sqlite3"]
KINDS += [f"{storage} {how}" for storage in STORAGES for how in ("folder", "file", "zstd")]


@pytest.mark.parametrize("kind", KINDS)
def test_bags_of_every_kind_give_the_same_messages(tmp_path: Path, streams: Any, kind: str) -> None:
    stream = recorded(streams)
    with BagReader(make(kind, tmp_path, stream)) as reader:
        found = list(reader.messages())
        assert [(one.topic, one.type, one.log_ns) for one in found] == [
            (one.topic, one.type, one.stamp_ns + MS) for one in stream
        ]
        # Padding aside, the bytes are the same: they decode to the same values.
        for one, sent in zip(found, stream, strict=True):
            mine, theirs = reader.decode(one), messages.decode(sent.type, sent.data)
            if sent.type == messages.JOINT_STATE:
                assert np.array_equal(mine.position, theirs.position)
                assert messages.header_stamp_ns(one.data) == sent.stamp_ns
            elif sent.type == messages.IMAGE:
                assert np.array_equal(messages.frame_from_message(mine), messages.frame_from_message(theirs))
            elif sent.type == messages.STRING:
                assert mine.data == theirs.data
        assert reader.message_count == len(stream)
        assert reader.topics["/joint_states"].message_count == 200


@pytest.mark.parametrize("kind", ["rosbag1 lz4", "ros1 mcap", "early sqlite3", "mcap zstd"])
def test_info_describes_a_bag_of_another_kind(
    tmp_path: Path, streams: Any, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = make(kind, tmp_path, recorded(streams))
    assert main(["bag", "info", str(bag)]) == 0
    assert "200  /joint_states  (sensor_msgs/msg/JointState)" in capsys.readouterr().out
    assert main(["bag", "info", str(bag), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["storage"] == {"rosbag1 lz4": "rosbag1", "early sqlite3": "sqlite3"}.get(kind, "mcap")
    assert facts["episodes"][0]["instance"] == "mug_0001"


@pytest.mark.parametrize("kind", ["rosbag1", "ros1 mcap", "early sqlite3", "mcap folder"])
def test_a_bag_of_another_kind_is_prepared_as_our_own(tmp_path: Path, streams: Any, kind: str) -> None:
    stream = recorded(streams)
    prepare([make(kind, tmp_path, stream)], tmp_path / "data", PrepareSettings(image_size=16))
    prepare([write_own(tmp_path / "own", stream)], tmp_path / "same", PrepareSettings(image_size=16))
    mine, same = PreparedData.open(tmp_path / "data"), PreparedData.open(tmp_path / "same")
    assert len(mine.frames) == len(same.frames) > 30
    assert np.array_equal(mine.frames, same.frames)
    assert np.array_equal(mine.stamps_ns, same.stamps_ns)


def test_messages_of_the_same_time_come_in_the_order_of_the_parts_that_hold_them() -> None:
    """A recorder in simulated time gives many messages one time; a chunk may end in the midst of them."""
    topic = StoredTopic("/a", "std_msgs/msg/String")
    times = ((1, 5), (5, 5), (5, 5, 5), (5, 7), (6, 8))
    stored = [[StoredMessage(time, 0, topic, bytes([part])) for time in held] for part, held in enumerate(times)]
    parts = [Part(held[0].log_ns, partial(iter, held)) for held in stored]
    found = [(message.log_ns, message.data[0]) for message in in_order(parts)]
    assert found == sorted(found)


def test_files_of_a_split_bag_are_one_recording_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    for part in range(12):  # bag_2 comes before bag_10
        with BagWriter(tmp_path / "part") as writer:
            writer.add_topic("/text", messages.STRING)
            for number in range(5):
                time = 5 * part + number + 1
                writer.write("/text", time, time, messages.encode_string("text"))
        (tmp_path / "part" / "part_0.mcap").rename(folder / f"bag_{part}.mcap")
        shutil.rmtree(tmp_path / "part")
    for given in (folder, sorted(folder.iterdir()), sorted(folder.iterdir(), reverse=True)):
        with BagReader(given) as reader:
            assert [message.log_ns for message in reader.messages()] == list(range(1, 61))
            assert (reader.message_count, reader.start_ns, reader.duration_s) == (60, 1, 59e-9)


def test_a_name_without_the_suffix_of_compression_is_found_and_the_other_way_round(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    with BagWriter(bag) as writer:
        writer.add_topic("/text", messages.STRING)
        writer.write("/text", 1, 1, messages.encode_string("text"))
    file = bag / "bag_0.mcap"
    (bag / "bag_0.mcap.zstd").write_bytes(zstd.compress(file.read_bytes()))
    file.unlink()
    with BagReader(bag) as reader:
        assert (len(list(reader.messages())), reader.compression) == (1, "file")


@pytest.mark.parametrize("kind", ["ros1 mcap", "early sqlite3", "mcap zstd"])
def test_bags_of_another_kind_recover_as_they_are(tmp_path: Path, streams: Any, kind: str) -> None:
    bag = make(kind, tmp_path, recorded(streams))
    counts = recover_bag(bag, tmp_path / "saved")
    assert counts.lossless
    with BagReader(bag) as before, BagReader(tmp_path / "saved") as after:
        assert list(after.messages()) == list(before.messages())
        assert after.topics == before.topics


def test_what_is_no_bag_is_told_with_what_would_be_one(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(BagError, match=r"is no file of a bag, expected a folder of rosbag2, or \.mcap, \.db3 or \.bag"):
        BagReader(tmp_path / "notes.txt")
    with pytest.raises(BagError, match=r"holds no metadata\.yaml and no \.mcap, \.db3 or \.bag file"):
        BagReader(tmp_path)
    with pytest.raises(BagError, match="No bag was named"):
        BagReader([])


def test_messages_of_ros_1_that_are_not_of_their_type_are_skipped_not_mixed_up(tmp_path: Path, streams: Any) -> None:
    stream = recorded(streams)
    path = tmp_path / "bag.bag"
    with Rosbag1Writer(path) as writer:
        text = writer.add_connection("/joint_states", messages.JOINT_STATE, typestore=ROS1)
        writer.write(text, 1, b"\xff\xff\xff\xff too short")
    with BagReader(path) as reader:
        assert [message.data for message in reader.messages()] == [b""]
    assert stream
