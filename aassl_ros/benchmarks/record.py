"""The recording path compared with rosbags' own writer, and a recorder's process that receives a synthetic robot."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from aassl_ros.benchmarks.load import Process, killed_at_end, rest, start_publisher, start_recorder, stop
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.data.bags.file_settings import MB, FileSettings
from aassl_ros.data.bags.jpeg_cameras import JpegCameras, compressed_name
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.data.streams.synthetic_load import JOINTS, Load, streams
from aassl_ros.errors import ConfigError

HELP = "recording to a bag compared with rosbags' writer, and the reception of a synthetic robot, with its limit"
_SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
_FASTEST_HZ = 480.0
_SWEEP_S = 4.0
_QUALITY = 90

Sent = Sequence[tuple[str, str, int, bytes]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--compression", choices=("none", "zstd"), default="none", help="of both writers")
    parser.add_argument("--seconds", type=float, default=60.0, help="receive raw images through rclpy; 0: do not")
    parser.add_argument("--minutes", type=float, default=0.0, help="receive JPEG images through rclpy; 0: do not")
    parser.add_argument(
        "--encode", type=float, default=0.0, help="receive raw images and record JPEG, seconds; 0: do not"
    )
    parser.add_argument("--sweep", action="store_true", help="find the rate without drops for each image size")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench record` prints."""
    if min(arguments.seconds, arguments.minutes, arguments.encode) < 0:
        raise ConfigError("aassl bench record: seconds, minutes and encode must not be negative.")
    figures = compare_writers(arguments.compression, rounds=3 if arguments.quick else 7)
    seconds = min(arguments.seconds, 3.0) if arguments.quick else arguments.seconds
    with tempfile.TemporaryDirectory(prefix="aassl-record-") as folder, own_domain():
        if seconds:
            figures |= receive(Path(folder), Load(), seconds)
        if arguments.minutes:
            jpeg = receive(Path(folder), Load(jpeg=True), 60 * arguments.minutes)
            figures |= {f"jpeg_{name}": value for name, value in jpeg.items()}
        if arguments.encode:
            encoded = receive(Path(folder), Load(), arguments.encode, jpeg_quality=_QUALITY)
            encoded |= encoding_speed(Path(folder), Load())
            figures |= {f"encode_{name}": value for name, value in encoded.items()}
        if arguments.sweep:
            figures |= {
                f"raw_{width}x{height}_hz": fastest(Path(folder), Load(cameras=1, width=width, height=height))
                for width, height in _SIZES
            }
    return figures


def compare_writers(compression: str, rounds: int) -> dict[str, Any]:
    """Write the same messages from memory by our recording path and by rosbags, in turn.

    rosbags writes no checksum of a chunk, so ours are compared without one too; the ratio with checksum is also given.
    """
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
        "compression": compression,
        "rounds": rounds,
    }


def three_seconds(load: Load) -> Sent:
    """What a robot sends in three seconds: topic, type, stamp in ns, and CDR."""
    found = []
    for stream in streams(load):
        for number in range(round(3 * stream.rate_hz)):
            stamp_ns = 1_000_000_000 + round(number * 1e9 / stream.rate_hz)
            found.append((stream.topic, stream.type, stamp_ns, stream.stamped(stamp_ns)))
    return sorted(found, key=lambda one: one[2])


def encoding_speed(folder: Path, load: Load) -> dict[str, Any]:
    """Record three seconds of raw images, without joint states, from memory as JPEG, as fast as possible.

    Returns:
        frames_per_s, threads of the workers, and size_ratio: bytes of the raw messages to those of the bag.
    """
    sent = three_seconds(replace(load, joint_hz=0.0))
    jpeg = JpegCameras(load.camera_topics, _QUALITY)
    begun = time.perf_counter()
    record(folder / "encoded", sent, FileSettings(fsync="never"), jpeg)
    taken_s = time.perf_counter() - begun
    jpeg.close()
    size = sum(file.stat().st_size for file in (folder / "encoded").iterdir())
    shutil.rmtree(folder / "encoded")
    raw = sum(len(data) for *_, data in sent)
    return {"frames_per_s": len(sent) / taken_s, "threads": jpeg.threads, "size_ratio": raw / size}


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


def receive(folder: Path, load: Load, seconds: float, **parameters: Any) -> dict[str, Any]:
    """Record a synthetic robot through rclpy for some seconds, and compare what it sent with the bag's ledger.

    parameters: of the recorder.

    Returns:
        sent, written, dropped (what the ledger counts), and unexplained: messages that are missing without a count.
    """
    bag = folder / "bag"
    processes: list[Process] = []
    with killed_at_end(processes):
        processes.append(start_publisher(load, folder / "stamps", seconds=seconds))
        processes.append(start_recorder(load, bag, **parameters))
        told = json.loads(rest(processes[0], seconds).strip().splitlines()[-1])
        stop(processes[1])
    with BagReader(bag) as reader:
        ledger = reader.ledger
        counts = {topic: summary.message_count for topic, summary in reader.topics.items()}
    shutil.rmtree(bag)
    counted = ledger.messages_dropped if ledger is not None else 0
    # A camera is in the bag under one of two names.
    written = {topic: counts.get(topic, 0) + counts.get(compressed_name(topic), 0) for topic in told["sent"]}
    missing = sum(count - written[topic] for topic, count in told["sent"].items())
    return {
        "dropped": counted,
        "unexplained": missing - counted,
        "sent": sum(told["sent"].values()),
        "sent_frames_per_s": sum(told["sent"][topic] for topic in load.camera_topics) / told["seconds"],
        "publisher_late_s": told["late_s"],
    }


def fastest(folder: Path, load: Load) -> float:
    """The highest rate of one camera, Hz, without a drop; 0 if even 15 Hz has drops. Rates are doubled from 15 Hz."""
    reached, rate = 0.0, 15.0
    while rate <= _FASTEST_HZ:
        found = receive(folder, replace(load, camera_hz=rate), _SWEEP_S)
        if found["dropped"] or found["unexplained"] or found["sent_frames_per_s"] < 0.95 * rate:
            break
        reached, rate = rate, 2 * rate
    return reached
