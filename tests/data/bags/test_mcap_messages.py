"""Messages of a chunk are those that the mcap library reads, and large messages of other topics are not read."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer

from aassl_ros.data.bags.mcap_records import Chunk, McapStream
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.errors import BagError

TOPICS = ("/small", "/large", "/other")
# About the size of the blocks in which a file is read, and the most that a head has.
SIZES = (0, 1, 30, 300, 65_505, 65_506, 65_536, 200_000)


def write(path: Path, compression: CompressionType, chunked: bool = True) -> list[tuple[str, int, bytes]]:
    """Messages of many sizes, some with times that go back, in chunks of 1 MiB."""
    rng = np.random.default_rng(3)
    with path.open("wb") as stream:
        writer = Writer(stream, compression=compression, chunk_size=1 << 20, use_chunking=chunked)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data\n")
        numbers = [writer.register_channel(topic, "cdr", schema, {}) for topic in TOPICS]
        for number in range(400):
            size = int(rng.choice(SIZES)) if number % 5 == 0 else int(rng.integers(0, 400))
            content = b"\0\1\0\0" + rng.bytes(size)
            writer.add_message(numbers[rng.integers(3)], 1000 + 10 * number - 25 * (number % 3), content, number)
        writer.finish()
    with path.open("rb") as stream:
        found = [(channel.topic, one.log_time, one.data) for _, channel, one in make_reader(stream).iter_messages()]
    return sorted(found, key=lambda one: one[1])


@pytest.mark.parametrize("wanted", [(), ("/small",), ("/large", "/other")])
@pytest.mark.parametrize("compression", [CompressionType.NONE, CompressionType.ZSTD])
@pytest.mark.parametrize("chunked", [True, False])
def test_messages_are_those_of_the_mcap_library(
    tmp_path: Path, compression: CompressionType, chunked: bool, wanted: tuple[str, ...]
) -> None:
    right = write(tmp_path / "bag.mcap", compression, chunked)

    with BagReader(tmp_path / "bag.mcap") as reader:
        found = [(one.topic, one.log_ns, one.data) for one in reader.messages(wanted)]

    assert len(found) > 100
    assert found == [one for one in right if not wanted or one[0] in wanted]


@pytest.mark.parametrize("times", ["in order", "mixed"])
def test_very_many_messages_of_a_chunk_come_in_order_of_receipt(tmp_path: Path, times: str) -> None:
    rng = np.random.default_rng(0)
    received = rng.integers(0, 3000, 5000).tolist() if times == "mixed" else list(range(5000))
    with (tmp_path / "bag.mcap").open("wb") as stream:
        writer = Writer(stream, compression=CompressionType.NONE, chunk_size=1 << 22)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data\n")
        texts = writer.register_channel("/texts", "cdr", schema, {})
        for number, log_ns in enumerate(received):
            writer.add_message(texts, log_ns, f"text {number}".encode(), number)
        writer.finish()

    with BagReader(tmp_path / "bag.mcap") as reader:
        found = [(one.log_ns, one.publish_ns, one.data) for one in reader.messages()]

    order = sorted(range(5000), key=received.__getitem__)
    assert found == [(received[number], number, f"text {number}".encode()) for number in order]


def test_large_messages_of_other_topics_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "bag.mcap").open("wb") as stream:
        writer = Writer(stream, compression=CompressionType.NONE)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data\n")
        images, texts = (writer.register_channel(topic, "cdr", schema, {}) for topic in ("/images", "/texts"))
        for number in range(20):
            writer.add_message(images, number, bytes(1_000_000), number)
            writer.add_message(texts, number, b"\0\1\0\0text", number)
        writer.finish()
    read, pread = 0, os.pread

    def counted(file: int, length: int, offset: int) -> bytes:
        nonlocal read
        read += length
        return pread(file, length, offset)

    monkeypatch.setattr(os, "pread", counted)
    with BagReader(tmp_path / "bag.mcap") as reader:
        assert [one.data for one in reader.messages(["/texts"])] == [b"\0\1\0\0text"] * 20

    assert read < 20 * 200_000


def test_the_rest_of_a_large_message_is_read_when_it_is_needed(tmp_path: Path) -> None:
    right = write(tmp_path / "bag.mcap", CompressionType.NONE)

    with BagReader(tmp_path / "bag.mcap") as reader:
        found = list(reader.messages(begins=True))
        contents = [bytes(reader.content(message)) for message in found]

    assert [(one.topic, one.log_ns, content) for one, content in zip(found, contents, strict=True)] == right
    large = [(one, content) for one, content in zip(found, contents, strict=True) if one.large is not None]
    assert len(large) > 5
    assert all(len(one.data) == 4096 and content.startswith(one.data) for one, content in large)


def test_a_file_that_became_shorter_is_a_one_line_error(tmp_path: Path) -> None:
    write(tmp_path / "bag.mcap", CompressionType.NONE)
    with BagReader(tmp_path / "bag.mcap") as reader:
        large = next(one for one in reader.messages(begins=True) if one.large is not None)
        os.truncate(tmp_path / "bag.mcap", 1000)
        for read in (reader.content, reader.decode):
            with pytest.raises(BagError, match="became shorter"):
                read(large)


def rare_topic(path: Path, *, crc: bool) -> int:
    """A compressed file of some 30 chunks, of which two have the topic /rare. Returns the place of the first index."""
    with path.open("wb") as stream:
        writer = Writer(stream, compression=CompressionType.ZSTD, chunk_size=10_000, enable_crcs=crc)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data\n")
        usual, rare = (writer.register_channel(topic, "cdr", schema, {}) for topic in ("/usual", "/rare"))
        for number in range(300):
            writer.add_message(rare if number in (100, 200) else usual, number, bytes(1000), number)
        writer.finish()
    with path.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary is not None
    indexes = [index for index in summary.chunk_indexes if rare in index.message_index_offsets]
    assert (len(indexes), len(summary.chunk_indexes) > 20) == (2, True)
    entry = struct.pack("<HQ", rare, indexes[0].message_index_offsets[rare])
    return path.read_bytes().rindex(entry)


@pytest.mark.parametrize(
    ("crc", "damaged", "all_are_read"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_chunks_without_the_topic_are_not_decompressed_if_the_index_is_certain(
    crc: bool, damaged: bool, all_are_read: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bag.mcap"
    entry = rare_topic(path, crc=crc)
    if damaged:  # the first chunk with the topic no longer says so
        data = bytearray(path.read_bytes())
        data[entry] ^= 3
        path.write_bytes(data)
    read: list[int] = []
    chunk_data = McapStream.chunk_data

    def counted(self: McapStream, chunk: Chunk, *, verify: bool) -> bytes:
        read.append(chunk.offset)
        return chunk_data(self, chunk, verify=verify)

    monkeypatch.setattr(McapStream, "chunk_data", counted)
    with BagReader(path) as reader:
        assert [one.log_ns for one in reader.messages(["/rare"])] == [100, 200]
        assert (len(read) > 20) == all_are_read
        assert all_are_read or len(read) == 2
        read.clear()
        assert len(list(reader.messages(["/rare"], verify=True))) == 2
        assert len(read) > 20
