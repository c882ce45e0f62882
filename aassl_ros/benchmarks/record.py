"""`aassl bench record`: recording from memory, and a recorder's process that receives a synthetic robot."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from aassl_ros.benchmarks.load import Process, killed_at_end, rest, start_publisher, start_recorder, stop
from aassl_ros.benchmarks.record_from_memory import compare_writers, record, three_seconds
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.jpeg_cameras import JpegCameras, compressed_name
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.streams.synthetic_load import Load
from aassl_ros.errors import ConfigError

HELP = "recording to a bag compared with rosbags' writer, and the reception of a synthetic robot, with its limit"
_SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
_FASTEST_HZ = 480.0
_SWEEP_S = 4.0
_QUALITY = 90


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
