"""Time of a training step compared with forward and backward of its encoder alone, and the cost of the action term.

All are timed in turn in one run, and ratios are taken round by round: if the machine is slow for a while, all are.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.encoders.factory import ENCODERS, build_encoder
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.settings import from_mapping

HELP = "a training step, compared with forward and backward of the encoder alone"
_ROUNDS, _QUICK_ROUNDS = 15, 3
_SMALLEST = 8  # pixels of an image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", choices=tuple(ENCODERS), default="resnet18")
    parser.add_argument("--width", type=int, default=32, help="channels of the encoder's first stage (default 32)")
    parser.add_argument("--image-size", type=int, default=64, help="side of the images in pixels (default 64)")
    parser.add_argument("--batch", type=int, default=256, help="pairs in a batch (default 256)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")


@dataclass(frozen=True)
class StepTimes:
    """Seconds of each round: the encoder alone on 2 N images, a step of SimCLR-TT, and one of AA-SimCLR."""

    bare: tuple[float, ...]
    simclr_tt: tuple[float, ...]
    aa_simclr: tuple[float, ...]


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench step` prints, and its baseline."""
    settings = learner_settings(arguments, batch=arguments.batch)
    with tempfile.TemporaryDirectory() as folder:
        data = draw_data(Path(folder), settings)
        times = time_steps(data, settings, _QUICK_ROUNDS if arguments.quick else _ROUNDS)
    images = 2 * settings.batch
    return {
        "efficiency": _median_ratio(times.bare, times.aa_simclr),
        "action_overhead": _median_ratio(times.aa_simclr, times.simclr_tt) - 1,
        "images_per_s": images / float(np.median(times.aa_simclr)),
        "bare_images_per_s": images / float(np.median(times.bare)),
        "simclr_tt_images_per_s": images / float(np.median(times.simclr_tt)),
        **conditions(settings, len(times.bare)),
    }


def draw_data(folder: Path, settings: LearnerSettings) -> PreparedData:
    """Draw data for a few batches."""
    frames = max(4 * settings.batch, 16)
    return write_synthetic(folder / "data", episodes=8, frames=-(-frames // 8), image_size=settings.image_size)


def conditions(settings: LearnerSettings, rounds: int) -> dict[str, Any]:
    """What steps were timed with, for the figures."""
    return {
        "device": str(choose_device(settings.device)),
        "threads": torch.get_num_threads(),
        "encoder": f"{settings.encoder} width {settings.width}, {settings.image_size} px, batch {settings.batch}",
        "rounds": rounds,
    }


def learner_settings(arguments: argparse.Namespace, **others: Any) -> LearnerSettings:
    """Make the settings of a benchmark's encoder from its options. Raises ConfigError if one is out of bounds."""
    asked = {name: getattr(arguments, name) for name in ("encoder", "width", "image_size", "device")}
    settings = from_mapping(LearnerSettings, {**asked, **others}, source="aassl bench")
    if settings.image_size < _SMALLEST:
        raise ConfigError(f"aassl bench: image_size = {settings.image_size}, expected at least {_SMALLEST}.")
    choose_device(settings.device)
    return settings


def time_steps(data: PreparedData, settings: LearnerSettings, rounds: int) -> StepTimes:
    """Time `rounds` rounds of all three in turn, after one round of warm-up."""
    work = {
        "bare": bare(settings),
        "simclr_tt": complete_step(data, replace(settings, method="simclr_tt")),
        "aa_simclr": complete_step(data, replace(settings, method="aa_simclr")),
    }
    return StepTimes(*(tuple(values) for values in time_in_turn(work, rounds).values()))


def time_in_turn(work: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, NDArray[np.float64]]:
    """Run every function once a round. Returns the seconds of each, float64 [rounds], after one round of warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds + 1):
        for name, once in work.items():
            begun = time.perf_counter()
            once()
            seconds[name].append(time.perf_counter() - begun)
    return {name: np.array(values[1:]) for name, values in seconds.items()}


def bare(settings: LearnerSettings) -> Callable[[], None]:
    """Make a function that runs only forward and backward of the encoder, on prepared images of both views."""
    device = choose_device(settings.device)
    encoder = build_encoder(settings).to(device)
    shape = (settings.batch, 3, settings.image_size, settings.image_size)
    views = [torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last) for _ in range(2)]

    def once() -> None:
        encoder.zero_grad()
        (encoder(views[0]).mean() + encoder(views[1]).mean()).backward()
        wait_for_device(device)

    return once


def complete_step(data: PreparedData, settings: LearnerSettings) -> Callable[[], None]:
    """Make a function that runs a complete training step.

    It draws pairs, reads frames, computes actions, augments, and runs forward, backward and the optimizer.
    """
    batches = PairBatches(data, settings, ("train",))
    learner = Learner(settings, batches.action_dimension)
    endless = _endless(batches)

    def once() -> None:
        batch = next(endless)
        learner.step(batch.first, batch.second, batch.action, batch.target, batch.later)
        wait_for_device(learner.device)

    return once


def _endless(batches: PairBatches) -> Iterator[Batch]:
    rng = np.random.default_rng(0)
    while True:
        yield from batches.epoch(rng)


def wait_for_device(device: torch.device) -> None:
    """Wait until the device has computed all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _median_ratio(over: tuple[float, ...], under: tuple[float, ...]) -> float:
    return float(np.median(np.divide(over, under)))
