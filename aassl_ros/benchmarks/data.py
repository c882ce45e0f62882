"""Reading speed of prepared data: compared with a trainer's speed, and of a million frames with ten thousand.

The same for the replay buffer (replay.py).

The million frames are in a sparse file. Its pages are read through the same memory map as those of a written file and
also occupy memory, but all are zero. Every page is read once before the timing starts.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.benchmarks import step
from aassl_ros.benchmarks.replay import measure_buffer
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.motion import rotations

HELP = "reading prepared data, compared with the speed of training; a million frames compared with ten thousand"
_SMALL, _LARGE = 10_000, 1_000_000
_EPISODE = 250
_FRAME_NS = 33_333_333
_QUICK_SIZE = 32
"""Pixels: a million such frames are 3 GB, which most machines have free."""
_SPARE_BYTES = 2 << 30
"""Memory that is left to other programs."""
_PAGE = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    step.add_arguments(parser)  # the trainer is the same as there


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench data` prints: ratios, and the times that they are computed from."""
    settings = step.learner_settings(arguments, batch=arguments.batch)
    rounds = 3 if arguments.quick else 9
    size = _affordable(min(settings.image_size, _QUICK_SIZE) if arguments.quick else settings.image_size)
    with tempfile.TemporaryDirectory(prefix="aassl-bench-") as folder:
        fed = PairBatches(write_blank(Path(folder) / "fed", _SMALL, settings.image_size), settings, ("train",))
        fed_s, trained_s = _feed_and_train(fed, settings, rounds)
        small, large = (
            PairBatches(write_blank(Path(folder) / str(count), count, size), settings, ("train",))
            for count in (_SMALL, _LARGE)
        )
        costs = [(_seconds_a_batch(small), _seconds_a_batch(large)) for _ in range(rounds)]
        del small, large  # their pages make room for those of the buffer
        buffer = measure_buffer(Path(folder) / "buffer", size=size, batch=settings.batch, quick=arguments.quick)
    small_s, large_s = np.median(costs, axis=0)
    images = 2 * settings.batch
    return {
        "feed_ratio": float(np.median(np.divide(trained_s, fed_s))),
        "sample_ratio_1e6_to_1e4": float(np.median([large / small for small, large in costs])),
        "feed_images_per_s": images / float(np.median(fed_s)),
        "trainer_images_per_s": images / float(np.median(trained_s)),
        "batch_ms_1e4": 1e3 * float(small_s),
        "batch_ms_1e6": 1e3 * float(large_s),
        "frames_sampled": f"{_LARGE} of {size} px, {_LARGE * size * size * 3 / 2**30:.1f} GiB in memory",
        "encoder": f"{settings.encoder} width {settings.width}, {settings.image_size} px, batch {settings.batch}",
        "device": str(choose_device(settings.device)),
        "rounds": rounds,
        **buffer,
    }


class _BlankWriter(PreparedWriter):
    """Writes black frames that need no disk space."""

    def append_blank(self, count: int) -> None:
        self.frames_written += count
        self._file.truncate(self.frames_written * self.image_size**2 * 3)


def write_blank(path: Path, frames: int, size: int) -> PreparedData:
    """Write `frames` black frames in episodes of 250 with random poses, and read every page once into memory."""
    rng = np.random.default_rng(0)
    writer = _BlankWriter(path, size)
    with writer:
        writer.append_blank(frames)
        for start in range(0, frames, _EPISODE):
            count = min(_EPISODE, frames - start)
            turns = rotations.normalize(rng.normal(size=(count, 4)))
            states = EpisodeStates(
                stamps_ns=np.arange(count, dtype=np.int64) * _FRAME_NS,
                object_pose=np.concatenate([np.tile((0.0, 0.0, 0.5), (count, 1)), turns], axis=1),
            )
            writer.add_episode("bench", str(start), str(start), "", "train", states)
        writer.finish(f"blank {frames} {size}")
    data = PreparedData.open(path)
    _touch(np.asarray(data.frames))
    return data


def _touch(frames: NDArray[np.uint8]) -> None:
    for part in np.array_split(frames.reshape(-1), 64):
        part[::_PAGE].max()


def _feed_and_train(batches: PairBatches, settings: LearnerSettings, rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each round to read a batch, and to read it and train on it."""
    learner = Learner(settings, batches.action_dimension)
    endless = _endless(batches)

    def learn() -> None:
        batch = next(endless)
        # It reads the loss, so it waits for a GPU.
        learner.step(batch.first, batch.second, batch.action, batch.target, batch.later)

    learn()
    fed_s, trained_s = [], []
    for _ in range(rounds):
        fed_s.append(_seconds_a_batch(batches))
        begun = time.perf_counter()
        learn()
        trained_s.append(time.perf_counter() - begun)
    return fed_s, trained_s


def _seconds_a_batch(batches: PairBatches) -> float:
    """Return the seconds to read a batch, including its share of the work at the start of an epoch."""
    seconds = []
    epoch = batches.epoch(np.random.default_rng())
    for _ in range(len(range(0, _SMALL, 256))):
        begun = time.perf_counter()
        if next(epoch, None) is None:
            break
        seconds.append(time.perf_counter() - begun)
    usual = float(np.median(seconds))
    return usual + max(0.0, seconds[0] - usual) / len(batches)


def _endless(batches: PairBatches) -> Iterator[Batch]:
    for seed in itertools.count():
        yield from batches.epoch(np.random.default_rng(seed))


def _affordable(size: int) -> int:
    """Return the size, halved until a million frames fit into the free memory. Raises ConfigError if none fits."""
    free = _free_bytes() - _SPARE_BYTES
    while _LARGE * size * size * 3 > free:
        if size <= 8:
            raise ConfigError(
                f"aassl bench data: {free >> 20} MiB of memory are free, too little for a million frames."
            )
        size //= 2
    return size


def _free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    raise ConfigError("aassl bench data: /proc/meminfo has no MemAvailable, so the free memory is unknown.")
