"""How fast prepared data are read: against what a trainer eats, and with a million frames against ten thousand.

The million lies in a sparse file: its pages are read through the same memory map and lie in memory one by one like
those of a written file, only that they are all zero. Every page is touched before the clock runs.
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
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.motion import rotations

HELP = "reading prepared data against what a trainer eats, and a million frames against ten thousand"
_SMALL, _LARGE = 10_000, 1_000_000
_EPISODE = 250
_FRAME_NS = 33_333_333
_QUICK_SIZE = 32
"""Pixels: a million such frames are 3 GB, which most machines have to spare."""
_SPARE_BYTES = 2 << 30
"""Memory that is left to others."""
_PAGE = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    step.add_arguments(parser)  # the trainer that is fed is the one timed there


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures that `aassl bench data` prints, and the times that they are computed from."""
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
    }


class _BlankWriter(PreparedWriter):
    """Writes frames that take no room on the disk: all black."""

    def append_blank(self, count: int) -> None:
        self.frames_written += count
        self._file.truncate(self.frames_written * self.image_size**2 * 3)


def write_blank(path: Path, frames: int, size: int) -> PreparedData:
    """`frames` black frames in episodes of 250 with random poses, every page of them in memory and mapped."""
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
    _touch(data.frames)
    return data


def _touch(frames: NDArray[np.uint8]) -> None:
    for part in np.array_split(frames.reshape(-1), 64):
        part[::_PAGE].max()


def _feed_and_train(batches: PairBatches, settings: LearnerSettings, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round for a batch: read, and read and learnt from."""
    learner = Learner(settings, batches.action_dimension)
    endless = _endless(batches)

    def learn() -> None:
        batch = next(endless)
        learner.step(batch.first, batch.second, batch.action)  # reads the loss, so it waits for a GPU

    learn()
    fed_s, trained_s = [], []
    for _ in range(rounds):
        fed_s.append(_seconds_a_batch(batches))
        begun = time.perf_counter()
        learn()
        trained_s.append(time.perf_counter() - begun)
    return fed_s, trained_s


def _seconds_a_batch(batches: PairBatches) -> float:
    """What reading a batch costs, its share of what an epoch begins with included."""
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
    """The size itself, or half of it so often that a million frames fit into the memory that is free."""
    free = _free_bytes() - _SPARE_BYTES
    while _LARGE * size * size * 3 > free:
        if size <= 8:
            raise ConfigError(f"aassl bench data: {free >> 20} MiB of memory are free, too few for a million frames.")
        size //= 2
    return size


def _free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    raise ConfigError("aassl bench data: /proc/meminfo does not tell how much memory is free.")
