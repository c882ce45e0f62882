"""Recording from memory compared with rosbags' own writer, in turn in one process.

Both write the same three seconds of a robot, with the same compression, and force nothing to the disk. rosbags writes
no checksum of a chunk, so ours are compared without one too; `ratio_with_crc` is the ratio with one. To open and close
a bag takes both about as long, a small part of the three seconds.

rosbags allocates several buffers for each chunk. With glibc's defaults most are new memory from the system, page by
page, which takes most of its time. So malloc keeps freed memory in the process whose ratio is given, which is rosbags
at its best; `ratio_default_malloc` is the ratio in a process with the defaults.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from aassl_ros.data.bags.file_settings import MB, FileSettings
from aassl_ros.data.bags.jpeg_cameras import JpegCameras
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.data.streams.synthetic_load import JOINTS, Load, streams

# Parameters of mallopt, from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

Sent = Sequence[tuple[str, str, int, bytes]]


def compare_writers(compression: str, rounds: int) -> dict[str, Any]:
    """Write the same messages from memory by our recording path and by rosbags, in turn."""
    found = []
    for keep in (True, False):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found.append(pool.submit(_compare, compression, rounds, keep_memory=keep).result())
    kept, default = found
    return kept | {"ratio_default_malloc": default["ratio_to_rosbags"], "compression": compression, "rounds": rounds}


def _compare(compression: str, rounds: int, *, keep_memory: bool) -> dict[str, float]:
    if keep_memory:
        _keep_freed_memory()
    sent = three_seconds(Load())
    size_mb = sum(len(data) for *_, data in sent) / MB
    plain = FileSettings(mcap_compression=compression, mcap_crc=False, fsync="never")
    ways: dict[str, Callable[[Path], None]] = {
        "rosbags": lambda path: write_by_rosbags(path, sent, compression),
        "ours": lambda path: record(path, sent, plain),
        "crc": lambda path: record(path, sent, replace(plain, mcap_crc=True)),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="aassl-record-") as folder:
        for number in range(rounds + 1):
            for name, write in ways.items():
                begun = time.perf_counter()
                write(Path(folder) / name)
                if number:  # the first round warms up
                    taken[name].append(time.perf_counter() - begun)
                shutil.rmtree(Path(folder) / name)
    rosbags, ours, crc = (np.array(taken[name]) for name in ("rosbags", "ours", "crc"))
    return {
        "ratio_to_rosbags": float(np.median(rosbags / ours)),
        "mb_per_s": size_mb / float(np.median(ours)),
        "rosbags_mb_per_s": size_mb / float(np.median(rosbags)),
        "ratio_with_crc": float(np.median(rosbags / crc)),
    }


def _keep_freed_memory() -> None:
    """Let glibc's malloc keep what is freed. Another C library is left as it is."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 32 << 20)
        mallopt(_TRIM_THRESHOLD, 1 << 30)


def three_seconds(load: Load) -> Sent:
    """What a robot sends in three seconds: topic, type, stamp in ns, and CDR."""
    found = []
    for stream in streams(load):
        for number in range(round(3 * stream.rate_hz)):
            stamp_ns = 1_000_000_000 + round(number * 1e9 / stream.rate_hz)
            found.append((stream.topic, stream.type, stamp_ns, stream.stamped(stamp_ns)))
    return sorted(found, key=lambda one: one[2])


def record(path: Path, sent: Sent, settings: FileSettings, jpeg: JpegCameras | None = None) -> None:
    """Write messages as the recorder does: queue, writer thread, samples of each frame, ledger."""
    cameras = {topic.split("/")[1]: topic for topic, msgtype, *_ in sent if msgtype == messages.IMAGE}
    session = Session("bench", "", "", "", Roles(cameras, JOINTS))
    recording = Recording(path, session, file=settings, queue_mb=65536.0, jpeg=jpeg)
    added = set()
    for topic, msgtype, stamp_ns, data in sent:
        if topic not in added:
            recording.add_topic(topic, msgtype)
            added.add(topic)
        recording.receive(topic, stamp_ns, stamp_ns, data)
    recording.close()


def write_by_rosbags(path: Path, sent: Sent, compression: str) -> None:
    """Write messages with the writer of rosbags."""
    writer = Writer(path, version=8, storage_plugin=StoragePlugin.MCAP)
    if compression == "zstd":
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for topic, msgtype, stamp_ns, data in sent:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, msgtype, typestore=messages.typestore())
            writer.write(connections[topic], stamp_ns, data)
