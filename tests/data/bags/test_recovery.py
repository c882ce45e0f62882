"""Recovery: what a killed recorder or a bad disk leaves becomes a whole bag, and the original is never touched."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from mcap.writer import CompressionType, Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as RosbagsWriter

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovery import recover_bag, recover_in_place
from aassl_ros.data.bags.unfinished import unfinished_bags
from aassl_ros.data.bags.writer import STORAGES, BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError

TEXTS = [messages.encode_string(f"text {number}" * 100) for number in range(3000)]
# Writes until it is killed.
ENDLESS = """
import sys
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
with BagWriter(sys.argv[1], sys.argv[2]) as writer:
    writer.add_topic("/text", messages.STRING)
    number = 0
    while True:
        number += 1
        writer.write("/text", number, number, messages.encode_string(f"{number} " + "x" * 1000))
        if number == 5000:
            print("enough", flush=True)
"""


def write_bag(path: Path, storage: str = "mcap") -> Path:
    with BagWriter(path, storage) as writer:
        writer.add_topic("/text", messages.STRING)
        for number, data in enumerate(TEXTS):
            writer.write("/text", 5000 + number, 5000 + number, data)
        writer.set_custom_data("key", "value")
    return path


def contents(path: Path) -> list[Any]:
    with BagReader(path) as reader:
        return list(reader.messages(verify=True))


def bytes_of(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.mark.parametrize("storage", STORAGES)
def test_a_killed_writer_leaves_a_bag_that_recovers(tmp_path: Path, storage: str) -> None:
    path = tmp_path / "bag"
    command = [sys.executable, "-c", ENDLESS, str(path), storage]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"enough\n"
        writer.send_signal(signal.SIGKILL)
    with pytest.raises(BagError, match=f"was not closed.*aassl bag recover {path}"):
        BagReader(path)
    write_bag(tmp_path / "sound", storage)
    assert unfinished_bags(tmp_path) == [path]
    assert unfinished_bags(tmp_path, [path]) == []
    before = bytes_of(path)
    counts = recover_bag(path, tmp_path / "saved")
    assert bytes_of(path) == before
    saved = contents(tmp_path / "saved")
    assert (counts.messages, counts.lossless) == (len(saved), False)
    assert unfinished_bags(tmp_path) == [path]
    assert recover_in_place(path).messages == len(saved)
    assert unfinished_bags(tmp_path) == []
    # What is lost is at most a chunk, or what was written since the last commit.
    assert len(saved) > 1000
    assert [message.log_ns for message in saved] == list(range(1, len(saved) + 1))


@pytest.mark.parametrize("storage", STORAGES)
def test_recovering_a_recovered_bag_changes_nothing(tmp_path: Path, storage: str) -> None:
    path = write_bag(tmp_path / "bag", storage)
    assert recover_bag(path, tmp_path / "one" / "saved").lossless
    assert recover_bag(tmp_path / "one" / "saved", tmp_path / "two" / "saved").lossless
    one, two = bytes_of(tmp_path / "one" / "saved"), bytes_of(tmp_path / "two" / "saved")
    assert one["metadata.yaml"] == two["metadata.yaml"]
    assert contents(path) == contents(tmp_path / "two" / "saved")
    with BagReader(tmp_path / "two" / "saved") as reader:
        assert reader.custom_data == {"key": "value"}


def test_in_place_keeps_the_damaged_bag_and_leaves_a_sound_one_alone(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag")
    before = bytes_of(path)
    assert recover_in_place(path).lossless
    assert bytes_of(path) == before
    assert not (tmp_path / "bag-original").exists()

    file = path / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[:-200_000])
    damaged = bytes_of(path)
    counts = recover_in_place(path)
    assert not counts.lossless
    assert bytes_of(tmp_path / "bag-original") == damaged
    assert len(contents(path)) == counts.messages
    assert recover_in_place(path).lossless  # once more: nothing to do
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bag", "bag-original"]


def test_in_place_goes_on_where_it_was_killed_between_its_last_two_steps(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag")
    path.rename(tmp_path / "bag-original")
    write_bag(tmp_path / ".bag.recovering")
    assert recover_in_place(path).lossless
    assert len(contents(path)) == len(TEXTS)


def test_what_cannot_be_saved_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "bag_0.mcap").write_bytes(b"")
    with pytest.raises(BagError, match="holds nothing that can be saved"):
        recover_bag(tmp_path / "bag", tmp_path / "saved")
    assert [entry.name for entry in tmp_path.iterdir()] == ["bag"]


def test_damaged_pages_of_sqlite_cost_what_lies_behind_them_and_are_counted(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag", "sqlite3")
    (file,) = path.glob("*.db3")
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 16384] = b"\xff" * 16384
    file.write_bytes(data)
    counts = recover_bag(path, tmp_path / "saved")
    assert 0 < counts.messages < len(TEXTS)
    assert counts.messages + counts.discarded_messages == len(TEXTS)
    assert "damaged" in counts.notes[0]


def test_commits_that_sqlite_left_beside_the_file_are_brought_in(tmp_path: Path) -> None:
    path = tmp_path / "bag"
    writer = BagWriter(path, "sqlite3")
    writer.add_topic("/text", messages.STRING)
    for number, data in enumerate(TEXTS[:50]):
        writer.write("/text", number, number, data)
    writer._storage.flush()  # type: ignore[attr-defined]
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in path.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert (copy / "bag.db3-wal").stat().st_size
    assert recover_bag(copy, tmp_path / "saved").messages == 50
    writer.close()
    assert [file.name for file in sorted(path.iterdir())] == ["bag.db3", "metadata.yaml"]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("mode", ["file", "message"])
def test_compressed_bags_recover_to_plain_ones(tmp_path: Path, storage: str, mode: str) -> None:
    plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
    writer = RosbagsWriter(tmp_path / "bag", version=9, storage_plugin=plugin)
    writer.set_compression(CompressionMode[mode.upper()], CompressionFormat.ZSTD)
    with writer:
        text = writer.add_connection("/text", messages.STRING, typestore=messages.typestore())
        for number, data in enumerate(TEXTS[:500]):
            writer.write(text, number, data)
    (tmp_path / "bag" / "metadata.yaml").unlink()
    assert [message.data for message in contents(tmp_path / "bag")] == TEXTS[:500]
    assert recover_bag(tmp_path / "bag", tmp_path / "saved").messages == 500
    assert [message.data for message in contents(tmp_path / "saved")] == TEXTS[:500]


def test_a_compressed_file_that_is_cut_is_saved_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "bag")
    file = path / "bag_0.mcap"
    data = file.read_bytes()
    packed = b"".join(zstd.compress(data[place : place + 100_000]) for place in range(0, len(data), 100_000))
    (path / "bag_0.mcap.zstd").write_bytes(packed[: int(len(packed) * 0.9)])
    file.unlink()
    with pytest.raises(BagError, match=r"bag_0\.mcap\.zstd is damaged at byte .* cut short"):
        BagReader(path)
    counts = recover_bag(path, tmp_path / "saved")
    assert len(TEXTS) // 4 < counts.messages < len(TEXTS)
    assert not counts.lossless


@pytest.mark.parametrize(
    ("kind", "encoding", "definition"),
    [
        ("my_msgs/msg/A", "ros2msg", b"other_msgs/Measurement m\n"),
        ("my_msgs/msg/B", "ros2idl", b"module my_msgs { module msg { struct B { long x; }; }; };"),
        ("std_srvs/srv/Trigger_Event", "ros2msg", b"service_msgs/ServiceEventInfo info\n"),
        ("my_msgs/msg/C", "ros2msg", b"\xff\xfe no definition at all = = ="),
        ("foxglove.Thing", "protobuf", b"\x0a\x00"),
    ],
)
def test_schemas_are_copied_as_they_are(tmp_path: Path, kind: str, encoding: str, definition: bytes) -> None:
    path = tmp_path / "bag_0.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream, compression=CompressionType.LZ4)
        writer.start("ros2")
        schema = writer.register_schema(kind, encoding, definition)
        channel = writer.register_channel("/extra", "cdr", schema, {})
        for number in range(9):
            writer.add_message(channel, number, b"\0\1\0\0\0\0\0\0", number)
        writer.add_attachment(1, 2, "calibration.yaml", "text/yaml", b"a: 1")
        writer.add_metadata("notes", {"by": "hand"})
        writer.finish()
    assert recover_bag(path, tmp_path / "saved").lossless
    with (tmp_path / "saved" / "saved_0.mcap").open("rb") as stream:
        from mcap.reader import make_reader

        reader = make_reader(stream)
        ((found, _, _), *_) = reader.iter_messages()
        assert (found.name, found.encoding, found.data) == (kind, encoding, definition)
        assert [one.name for one in reader.iter_attachments()] == ["calibration.yaml"]
        assert {one.name for one in reader.iter_metadata()} == {"notes", "rosbag2"}


def test_the_ledger_of_a_killed_bag_agrees_with_what_was_saved(streams: Any, make_bag: Any, tmp_path: Path) -> None:
    path = make_bag(streams.stream(60.0))
    (path / "metadata.yaml").unlink()
    file = path / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    recover_bag(path, tmp_path / "saved")
    with BagReader(tmp_path / "saved") as reader:
        ledger = reader.ledger
        assert ledger is not None
        assert not ledger.closed
        for name in ("/joint_states", "/camera/image_raw", "/command"):
            counts = ledger.topics[name]
            assert counts.written == reader.topics[name].message_count
            assert counts.received >= counts.written
        assert ledger.frames_with_sample == reader.topics["/recorder/sample/camera/joint_state"].message_count


def test_an_sqlite_file_of_something_else_is_named(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db3")
    connection.execute("CREATE TABLE cats(name TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(BagError, match=r"other\.db3 .*no tables of topics and messages, so it is no bag\."):
        BagReader(tmp_path / "other.db3")
