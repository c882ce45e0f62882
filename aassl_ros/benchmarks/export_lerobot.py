"""Speed of the export to LeRobot: seconds for each GB of raw images, compared with copying the bag, and its quality."""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.lerobot.bag_maker import BagMaker
from aassl_ros.data.lerobot.export import export_lerobot
from aassl_ros.data.lerobot.picture_messages import encode_picture, encode_target
from aassl_ros.data.lerobot.settings import ExportSettings
from aassl_ros.data.lerobot.video_reader import pictures
from aassl_ros.data.lerobot.video_writer import CODECS
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.session import Roles, Session

HELP = "the export of bags to LeRobot, compared with copying the bag"
_HEIGHT, _WIDTH, _RATE = 480, 640, 30
_FRAME_BYTES = _HEIGHT * _WIDTH * 3
_EPISODE = "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11"
_CAMERAS = ("front", "wrist")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gb", type=float, default=1.0, help="size of the raw images, 10^9 bytes (default: 1)")
    parser.add_argument("--codec", choices=list(CODECS), default="h264", help="format of the videos (default: h264)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench export-lerobot` prints."""
    gb = min(arguments.gb, 0.1) if arguments.quick else arguments.gb
    frames = max(10, round(gb * 1e9 / _FRAME_BYTES / len(_CAMERAS)))
    with tempfile.TemporaryDirectory(prefix="aassl-bench-") as folder:
        bag, out = Path(folder) / "bag", Path(folder) / "dataset"
        write_bag(bag, frames)
        begun = time.perf_counter()
        shutil.copytree(bag, Path(folder) / "copy")
        copied_s = time.perf_counter() - begun
        begun, cpu_s = time.perf_counter(), time.process_time()
        report = export_lerobot([bag], out, ExportSettings(codec=arguments.codec))
        seconds = time.perf_counter() - begun
        cpu_s = time.process_time() - cpu_s
        videos = sum(path.stat().st_size for path in (out / "videos").rglob("*.mp4"))
        quality_db = _quality_db(bag, out)
    raw_gb = frames * len(_CAMERAS) * _FRAME_BYTES / 1e9
    return {
        "seconds_per_gb": seconds / raw_gb,
        "ratio_to_copy": seconds / copied_s,
        "cpu_seconds_per_gb": cpu_s / raw_gb,
        "psnr_db": quality_db,
        "compression": raw_gb * 1e9 / videos,
        "raw_gb": raw_gb,
        "rows": report.counts.rows,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "codec": arguments.codec,
    }


def scene(number: int, seed: int) -> NDArray[np.uint8]:
    """A picture of coloured discs that move in front of a textured background, with the noise of a camera."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 190, (24, 32, 3)).astype(np.uint8)
    image = np.asarray(cv2.resize(coarse, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC))
    for _ in range(12):
        place, speed = rng.uniform(0, 1, 2) * (_WIDTH, _HEIGHT), rng.normal(0, 4, 2)
        colour = tuple(map(int, rng.integers(0, 256, 3)))
        x, y = (place + number * speed) % (_WIDTH, _HEIGHT)
        cv2.circle(image, (int(x), int(y)), int(rng.integers(15, 60)), colour, -1, cv2.LINE_AA)
    noise = np.random.default_rng(number % 16).normal(0, 2.0, image.shape)
    return np.asarray((image + noise).clip(0, 255), np.uint8)


def write_bag(path: Path, frames: int) -> None:
    """Write a bag of two cameras with raw pictures at 30 Hz and a joint state and command for each frame."""
    roles = Roles(
        {camera: f"/{camera}/image_raw" for camera in _CAMERAS}, "/joint_states", {"arm": "/command"}, "/episode"
    )
    names = tuple(f"joint_{number}" for number in range(7))
    drawn = {camera: [scene(number, seed) for number in range(60)] for seed, camera in enumerate(_CAMERAS)}
    with BagMaker(path, Session("bench", "", "base", "tip", roles, joint_groups={"arm": names})) as bag:
        first = 1_000_000_000
        start = EpisodeEvent(_EPISODE, first, "start", "object_0001", "object")
        bag.add("/episode", messages.STRING, first, messages.encode_string(start.to_json()))
        for number in range(frames):
            stamp = first + round(number * 1e9 / _RATE)
            position = np.sin(0.02 * number + np.arange(7))
            bag.add("/command", messages.JOINT_TRAJECTORY, stamp, encode_target(stamp, names, position))
            for camera in _CAMERAS:
                # There and back, so that the scene has no cuts.
                place = 59 - abs(number % 118 - 59)
                data = encode_picture(stamp, camera, drawn[camera][place], "raw")
                bag.add(f"/{camera}/image_raw", messages.IMAGE, stamp, data)
            state = messages.encode_joint_state(stamp, names, position)
            bag.add("/joint_states", messages.JOINT_STATE, stamp, state)
        bag.close()


def _quality_db(bag: Path, out: Path) -> float:
    """Peak signal-to-noise ratio of the first pictures of the first camera, dB."""
    errors = []
    video = pictures(out / f"videos/observation.images.{_CAMERAS[0]}/chunk-000/file-000.mp4")
    with BagReader(bag) as reader:
        for message, shown in zip(reader.messages([f"/{_CAMERAS[0]}/image_raw"]), video, strict=False):
            image = messages.frame_from_message(reader.decode(message)).astype(np.float64)
            errors.append(float(np.mean((image - shown.pixels) ** 2)))
            if len(errors) == 30:
                break
    return float(10 * np.log10(255**2 / np.mean(errors)))
