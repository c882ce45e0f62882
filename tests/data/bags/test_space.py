"""Bags on a disk that becomes full: closed in time, or in the space of the reserve."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.space_reserve import ReservedFile, SpaceReserve
from aassl_ros.data.bags.writer import STORAGES
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import BagError, ConfigError, DiskFullError

SECOND = 1_000_000_000
TEXT = messages.encode_string("x" * 100_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 MB in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "none", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a disk in memory needs the right to mount")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def record_until_full(recording: Recording, most: int = 400) -> int:
    """Send texts of 100 kB until the recording ends; returns how many were sent."""
    recording.add_topic("/text", messages.STRING)
    for number in range(most):
        recording.receive("/text", SECOND + number, 0, TEXT)
        if recording.error is not None:
            recording.receive("/text", SECOND + number + 1, 0, TEXT)  # counted, but not written
            return number + 2
        time.sleep(0.005)
    return most


def assert_whole(path: Path, recording: Recording, sent: int) -> None:
    """The bag was closed, holds what was written first, and its ledger says what was not."""
    with pytest.raises(DiskFullError, match=r"recording has stopped and the bag is closed: "):
        recording.close()
    counts = recording.ledger.topics["/text"]
    assert counts.received == sent
    assert counts.dropped == sent - counts.written > 0
    with BagReader(path) as reader:
        written = [message.log_ns for message in reader.messages(["/text"], verify=True)]
        ledger = reader.ledger
    assert written == [SECOND + number for number in range(counts.written)]
    assert (path / "metadata.yaml").is_file()
    assert ledger is not None
    assert ledger.closed
    assert ledger.topics["/text"].written == counts.written
    assert any("recording has stopped" in warning for warning in ledger.warnings)
    assert not [finding for finding in check_bag(path) if "not closed" in finding]


@pytest.mark.parametrize("storage", STORAGES)
def test_a_bag_is_closed_well_before_the_disk_is_full(small_disk: Path, session: Session, storage: str) -> None:
    file = FileSettings(min_free_mb=40.0, warn_free_mb=45.0)
    recording = Recording(small_disk / "bag", session, storage=storage, file=file)
    sent = record_until_full(recording)
    assert recording.space.free_mb > 35.0
    assert "less than 45 MB are free on the disk" in recording.space.low
    assert_whole(small_disk / "bag", recording, sent)
    assert "min_free_mb is 40." in str(recording.error)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_bag_is_closed_if_another_program_fills_the_disk_at_once(
    small_disk: Path, session: Session, storage: str
) -> None:
    file = FileSettings(min_free_mb=40.0, warn_free_mb=40.0)
    recording = Recording(small_disk / "bag", session, storage=storage, file=file)
    recording.space.check = lambda size: None  # type: ignore[method-assign]  # as if all happened between two checks
    with (small_disk / "other").open("wb") as other:
        free = os.statvfs(small_disk)
        os.posix_fallocate(other.fileno(), 0, free.f_bavail * free.f_frsize - 10_000_000)
    sent = record_until_full(recording)
    assert_whole(small_disk / "bag", recording, sent)
    assert str(recording.error).endswith("the disk is full.")


@pytest.mark.parametrize("storage", STORAGES)
def test_a_bag_is_closed_before_the_limit_of_file_sizes(tmp_path: Path, session: Session, storage: str) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, limits[1]))
    try:
        file = FileSettings(min_free_mb=8.0, warn_free_mb=12.0)
        recording = Recording(tmp_path / "bag", session, storage=storage, file=file)
        sent = record_until_full(recording)
        assert_whole(tmp_path / "bag", recording, sent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "up to the limit of file sizes (ulimit -f)" in str(recording.error)


def test_nothing_is_recorded_if_too_little_space_is_free(tmp_path: Path, session: Session) -> None:
    file = FileSettings(min_free_mb=1e12, warn_free_mb=1e12)
    with pytest.raises(BagError, match=r"bag cannot be recorded: only \d+ MB are free on the disk"):
        Recording(tmp_path / "deep" / "bag", session, file=file)
    assert not (tmp_path / "deep").exists()


def test_a_file_goes_on_in_the_reserve_and_fails_when_that_is_full_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = SpaceReserve(tmp_path, 1_000_000)
    assert list(tmp_path.iterdir()) == []
    file = ReservedFile(tmp_path / "file", reserve)
    room = [150_000]

    def write(descriptor: int, parts: Any) -> int:
        if room[0] == 0:
            room[0] = 100_000
            raise OSError(errno.ENOSPC, "No space left on device")
        count = os.write(descriptor, b"".join(parts)[: room[0]])
        room[0] -= count
        return count

    monkeypatch.setattr(os, "writev", write)
    file.write([b"a" * 60_000, b"", b"a" * 40_000])
    assert not reserve.needed
    file.write([b"b" * 40_000, b"c" * 20_000, b"d" * 40_000])
    assert reserve.needed
    assert (tmp_path / "file").read_bytes() == b"a" * 100_000 + b"b" * 40_000 + b"c" * 20_000 + b"d" * 40_000
    assert file.position == 200_000
    with pytest.raises(OSError, match="No space left"):
        file.write([b"e" * 100_000])


@pytest.mark.parametrize(
    ("storage", "settings", "message"),
    [
        ("sqlite3", FileSettings(mcap_compression="zstd"), "mcap_compression = 'zstd' applies only to storage mcap"),
        ("sqlite3", FileSettings(mcap_crc=False), "mcap_crc = False applies only to storage mcap, not to sqlite3"),
        ("mcap", FileSettings(min_free_mb=3000.0), "warn_free_mb = 2000, expected at least min_free_mb = 3000"),
    ],
)
def test_settings_that_do_not_apply_are_refused(storage: str, settings: FileSettings, message: str) -> None:
    with pytest.raises(ConfigError, match=f"recorder: {message}"):
        settings.check(storage, source="recorder")
