"""Our MCAP writer writes what the mcap library would write, and copies no picture."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer
from rosbags.highlevel import AnyReader

from aassl_ros.data.bags import written_metadata
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages

LARGE = messages.encode_string("x" * 200_000)
TOPICS = {"/text": messages.STRING, "/other": messages.STRING, "/state": messages.JOINT_STATE}
STATE = messages.encode_joint_state(5, ["a"], [1.0])
DATA = {"/text": messages.encode_string("text"), "/other": LARGE, "/state": STATE}


def sent() -> list[tuple[str, int, int, bytes]]:
    """Small and large messages of three topics, not all in order of time, for several chunks."""
    topics = ["/text", "/other", "/state", "/state", "/state", "/other"] * 5
    return [(topic, 1000 + (number * 7) % 30, number, DATA[topic]) for number, topic in enumerate(topics)]


def written_by_us(path: Path, file: FileSettings) -> bytes:
    with BagWriter(path, settings=file) as writer:
        for name, kind in TOPICS.items():
            writer.add_topic(name, kind)
        for topic, log_ns, publish_ns, data in sent():
            writer.write(topic, log_ns, publish_ns, data)
        writer.add_attachment(1, 2, "calibration.yaml", "text/yaml", b"a: 1")
        writer.add_metadata("notes", {"by": "hand", "für": "später"})
    return (path / f"{path.name}_0.mcap").read_bytes()


def written_by_mcap(path: Path, file: FileSettings, metadata_text: str) -> bytes:
    with path.open("wb") as stream:
        compression = CompressionType[file.mcap_compression.upper()]
        writer = Writer(stream, chunk_size=1 << 20, compression=compression, enable_crcs=file.mcap_crc)
        writer.start("ros2", written_metadata.LIBRARY)
        schemas: dict[str, int] = {}
        channels = {}
        for name, kind in TOPICS.items():
            definition, type_hash = messages.definition(kind)
            if kind not in schemas:
                schemas[kind] = writer.register_schema(kind, "ros2msg", definition.encode())
            about = {"offered_qos_profiles": "", "topic_type_hash": type_hash}
            channels[name] = writer.register_channel(name, "cdr", schemas[kind], about)
        for topic, log_ns, publish_ns, data in sent():
            writer.add_message(channels[topic], log_ns, data, publish_ns)
        writer.add_attachment(1, 2, "calibration.yaml", "text/yaml", b"a: 1")
        writer.add_metadata("notes", {"by": "hand", "für": "später"})
        writer.flush()  # the last chunk comes before the copy of metadata.yaml
        writer.add_metadata("rosbag2", {"serialized_metadata": metadata_text})
        writer.finish()
    return path.read_bytes()


@pytest.mark.parametrize("crc", [True, False])
@pytest.mark.parametrize("compression", ["none", "lz4"])  # the library has another zstd
def test_a_file_is_the_one_that_the_mcap_library_writes(tmp_path: Path, compression: str, crc: bool) -> None:
    file = FileSettings(mcap_compression=compression, mcap_crc=crc)
    ours = written_by_us(tmp_path / "bag", file)
    with (tmp_path / "bag" / "bag_0.mcap").open("rb") as stream:
        text = {one.name: one.metadata for one in make_reader(stream).iter_metadata()}["rosbag2"]["serialized_metadata"]
    assert ours == written_by_mcap(tmp_path / "theirs.mcap", file, text)
    assert ours.count(LARGE) == (10 if compression == "none" else 0)


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.sampled_from([0, 1, 300, 65_000, 65_535, 65_536, 70_000, 1_200_000]), max_size=30),
    compression=st.sampled_from(["none", "lz4"]),
    flushes=st.sets(st.integers(0, 30)),
)
def test_three_readers_find_every_message_of_any_length(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], compression: str, flushes: set[int]
) -> None:
    bag = tmp_path_factory.mktemp("any") / "bag"
    wanted = []
    with BagWriter(bag, settings=FileSettings(mcap_compression=compression)) as writer:
        writer.add_topic("/a", messages.STRING)
        writer.add_topic("/b", messages.STRING)
        for number, length in enumerate(lengths):
            data = messages.encode_string(chr(97 + number % 26) * length)
            wanted.append((f"/{'ab'[number % 2]}", 1 + number, data))
            writer.write(wanted[-1][0], 1 + number, 2 * number, data)
            if number in flushes:
                writer.flush()
    with BagReader(bag) as reader:
        assert [(one.topic, one.log_ns, one.data) for one in reader.messages(verify=True)] == wanted
    with AnyReader([bag]) as reader:
        assert [(one.topic, time_ns, bytes(data)) for one, time_ns, data in reader.messages()] == wanted
    with (bag / "bag_0.mcap").open("rb") as stream:
        assert list(StreamReader(stream, validate_crcs=True).records)
        stream.seek(0)
        theirs = make_reader(stream, validate_crcs=True)
        found = theirs.iter_messages()
        assert [(channel.topic, one.log_time, one.data) for _, channel, one in found] == wanted
        summary = theirs.get_summary()
        assert summary is not None
        assert summary.statistics is not None
        assert summary.statistics.message_count == len(wanted)


def test_a_large_message_is_written_without_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_to_system: list[Any] = []
    real: Callable[[int, Any], int] = os.writev

    def writev(descriptor: int, parts: Any) -> int:
        given_to_system.extend(part.obj for part in parts)
        return real(descriptor, parts)

    monkeypatch.setattr(os, "writev", writev)
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/text", messages.STRING)
        writer.write("/text", 1, 1, LARGE)
    assert any(part is LARGE for part in given_to_system)
