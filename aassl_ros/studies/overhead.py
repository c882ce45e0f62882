"""Time per step and peak memory of each method, relative to SimCLR; complete steps with data and augmentation."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import TrainingError
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.compute.process_memory import memory_bytes
from aassl_ros.learning.objectives.methods import masks_same_actions
from aassl_ros.learning.training.new_learner import new_learner
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.studies.progress import Interrupted, Watch

REFERENCE = "simclr"
_ROUNDS, _MEMORY_STEPS = 20, 3


class _Steps:
    """Endless training steps of one method."""

    def __init__(self, data: PreparedData, settings: TrainSettings) -> None:
        self._batches = PairBatches(data, settings, settings.sets, controls=settings)
        self.learner = new_learner(settings, self._batches)
        self._endless = self._draw(settings.seed)

    def once(self) -> None:
        """Run one step and wait for its end."""
        batch = next(self._endless)
        self.learner.step(batch.first, batch.second, batch.action, batch.target, batch.later)
        if self.learner.device.type == "cuda":
            torch.cuda.synchronize(self.learner.device)

    def _draw(self, seed: int) -> Iterator[Batch]:
        rng = np.random.default_rng(seed)
        while True:
            yield from self._batches.epoch(rng)


def _of(name: str, settings: TrainSettings) -> TrainSettings:
    same = settings.same_action if masks_same_actions(name) else 0.0
    return replace(settings, method=name, same_action=same)


def measure(
    methods: list[str], data: PreparedData, settings: TrainSettings, rounds: int, watch: Watch
) -> dict[str, dict[str, float]]:
    """Measure step_ms, peak_mb, time_over_simclr and memory_over_simclr of each method. rounds: 0 for the default.

    Times are medians of steps taken in turn; a ratio is the median of the ratios of each round. Memory is the peak of a
    separate process minus its memory before the network was made.
    """
    rounds = rounds or _ROUNDS
    of = {name: _of(name, settings) for name in methods}
    steps = {name: _Steps(data, own) for name, own in of.items()}
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(rounds + 1):
        for name, each in steps.items():
            begun = time.perf_counter()
            each.once()
            seconds[name].append(time.perf_counter() - begun)
        watch.show(number, rounds, "each method in turn")
        if watch.stop():
            raise Interrupted
    times = {name: np.array(values[1:]) for name, values in seconds.items()}  # the first warms up
    peaks = {}
    for name in methods:
        watch.show(rounds, rounds, f"memory of {name}")
        peaks[name] = peak_mb(data.path, of[name])
        if watch.stop():
            raise Interrupted
    return {
        name: {
            "step_ms": 1e3 * float(np.median(times[name])),
            "peak_mb": peaks[name],
            "time_over_simclr": float(np.median(times[name] / times[REFERENCE])),
            "memory_over_simclr": peaks[name] / peaks[REFERENCE],
        }
        for name in methods
    }


def peak_mb(data: Path, settings: TrainSettings) -> float:
    """Measure the memory of some training steps in a new process, in 10^6 bytes: of the GPU if there is one."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure_peak, args=(data, settings, theirs))
    process.start()
    theirs.close()
    try:
        return float(ours.recv())
    except EOFError as error:
        raise TrainingError(f"the memory of {settings.method} could not be measured: its process died.") from error
    finally:
        process.join()


def _measure_peak(data: Path, settings: TrainSettings, pipe: Any) -> None:
    torch.set_num_threads(max(1, settings.torch_threads))
    opened = PreparedData.open(data)
    before = memory_bytes("VmRSS")
    steps = _Steps(opened, settings)
    for _ in range(_MEMORY_STEPS):
        steps.once()
    if steps.learner.device.type == "cuda":
        pipe.send(torch.cuda.max_memory_allocated(steps.learner.device) / 1e6)
    else:
        pipe.send((memory_bytes("VmHWM") - before) / 1e6)
