"""Compression, checksums and fsync of a bag, as its settings say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mcap.reader import make_reader
from mcap.records import Chunk
from mcap.stream_reader import StreamReader
from rosbags.highlevel import AnyReader

from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.writer import STORAGES, BagWriter
from aassl_ros.data.streams import messages

TEXT = messages.encode_string("word " * 1000)


def write(path: Path, settings: FileSettings, storage: str = "mcap") -> Path:
    with BagWriter(path, storage, settings=settings) as writer:
        writer.add_topic("/text", messages.STRING)
        for number in range(600):
            writer.write("/text", number, number, TEXT)
    return path


@pytest.mark.parametrize("compression", ["none", "zstd", "lz4"])
def test_a_compressed_bag_is_read_back_by_us_and_by_other_libraries(tmp_path: Path, compression: str) -> None:
    bag = write(tmp_path / "bag", FileSettings(mcap_compression=compression))
    with BagReader(bag) as reader:
        assert [message.data for message in reader.messages(verify=True)] == [TEXT] * 600
    with AnyReader([bag]) as reader:
        assert [data for _, _, data in reader.messages()] == [TEXT] * 600
    file = bag / "bag_0.mcap"
    with file.open("rb") as stream:
        assert sum(1 for _ in make_reader(stream, validate_crcs=True).iter_messages()) == 600
    assert (file.stat().st_size < 300_000) == (compression != "none")


@pytest.mark.parametrize("crc", [True, False])
def test_chunks_have_a_checksum_if_asked(tmp_path: Path, crc: bool) -> None:
    bag = write(tmp_path / "bag", FileSettings(mcap_crc=crc))
    with (bag / "bag_0.mcap").open("rb") as stream:
        chunks = [record for record in StreamReader(stream, emit_chunks=True).records if isinstance(record, Chunk)]
    assert len(chunks) > 1
    assert {chunk.uncompressed_crc != 0 for chunk in chunks} == {crc}
    with BagReader(bag) as reader:
        assert sum(1 for _ in reader.messages(verify=True)) == 600


def test_mcap_is_forced_to_the_disk_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    for when, while_open, at_close in (
        ("never", [], []),
        ("close", [], ["close_0.mcap", "metadata.yaml", "close", tmp_path.name]),
        ("flush", ["flush", tmp_path.name, "flush_0.mcap"], ["flush_0.mcap", "metadata.yaml", "flush", tmp_path.name]),
    ):
        synced.clear()
        with BagWriter(tmp_path / when, settings=FileSettings(fsync=when)) as writer:
            writer.add_topic("/text", messages.STRING)
            writer.write("/text", 1, 1, TEXT)
            writer.flush()
            assert synced == while_open
            synced.clear()
        assert synced == at_close


@pytest.mark.parametrize("fsync", ["never", "close", "flush"])
@pytest.mark.parametrize("storage", STORAGES)
def test_every_way_to_force_data_to_the_disk_gives_a_whole_bag(tmp_path: Path, storage: str, fsync: str) -> None:
    bag = write(tmp_path / "bag", FileSettings(fsync=fsync), storage)
    with BagReader(bag) as reader:
        assert sum(1 for _ in reader.messages(verify=True)) == 600
    assert not list(bag.glob("*-wal"))
