"""Time of a training step of every method, compared with forward and backward of its encoder alone.

All are timed in turn in one run, and ratios are taken round by round: if the machine is slow for a while, all are.
Left out are methods that take more frames than a pair (seq_jepa), because their encoder sees more images, and those
with labels (supervised).
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.benchmarks import step
from aassl_ros.learning.objectives.methods import METHODS

HELP = "a training step of every method, compared with forward and backward of the encoder alone"
_ROUNDS, _QUICK_ROUNDS = 9, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    step.add_arguments(parser)
    parser.set_defaults(batch=128)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench family` prints: the slowest method with its ratio, and the ratio of each."""
    settings = step.learner_settings(arguments, batch=arguments.batch)
    names = [name for name, method in METHODS.items() if not (method.later_frames or method.uses_labels)]
    with tempfile.TemporaryDirectory() as folder:
        data = step.draw_data(Path(folder), settings)
        work = {"bare": step.bare(settings)}
        work |= {name: step.complete_step(data, replace(settings, method=name)) for name in names}
        seconds = step.time_in_turn(work, _QUICK_ROUNDS if arguments.quick else _ROUNDS)
    ratios = {name: float(np.median(seconds[name] / seconds["bare"])) for name in names}
    slowest = max(ratios, key=lambda name: ratios[name])
    return {
        "worst_step_ratio": ratios[slowest],
        "method": slowest,
        **{f"step_ratio_{name}": ratio for name, ratio in sorted(ratios.items(), key=lambda each: each[1])},
        "bare_images_per_s": 2 * settings.batch / float(np.median(seconds["bare"])),
        **step.conditions(settings, len(seconds["bare"])),
    }
