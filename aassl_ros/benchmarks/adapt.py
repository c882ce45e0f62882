"""Time of an adaptation step compared with forward and backward of the encoder alone, with the same frozen layers.

Both are timed in turn in one run, and ratios are taken round by round: if the machine is slow for a while, both are.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aassl_ros.benchmarks.step import complete_step, time_in_turn, wait_for_device
from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.encoders.efficientnet_lite import EFFICIENTNETS
from aassl_ros.learning.online.depth import ALL, choose_depth
from aassl_ros.learning.optimization.adaptation import ADAPTATION_DEFAULTS
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.settings import from_mapping

HELP = "a step of adapting a pretrained encoder, compared with its bare forward and backward pass"
_ROUNDS, _QUICK_ROUNDS = 9, 3
_BATCH, _QUICK_BATCH = ADAPTATION_DEFAULTS["batch"], 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", choices=EFFICIENTNETS, default=EFFICIENTNETS[0])
    parser.add_argument("--image-size", type=int, default=64, help="side of the images in pixels (default 64)")
    parser.add_argument("--batch", type=int, default=0, help=f"pairs in a batch (default {_BATCH}, with --quick 24)")
    parser.add_argument("--method", default="aa_simclr", help="method (default aa_simclr)")
    parser.add_argument(
        "--trainable",
        default=ALL,
        help="trained layers: all, a number of the last ones, or auto (default all)",
    )
    parser.add_argument("--stay-close", type=float, default=0.0, help="weight of L2-SP (default 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench adapt` prints: the ratio, and both times."""
    batch = arguments.batch or (_QUICK_BATCH if arguments.quick else _BATCH)
    asked = {name: getattr(arguments, name) for name in ("encoder", "image_size", "device", "method", "stay_close")}
    asked = {**ADAPTATION_DEFAULTS, **asked, "batch": batch}
    settings = from_mapping(LearnerSettings, asked, source="aassl bench")
    device = choose_device(settings.device)
    depth = choose_depth(arguments.trainable, settings, batch=batch, step_seconds=1.0, device=device)
    settings = replace(settings, frozen_layers=depth.frozen)
    with tempfile.TemporaryDirectory() as folder:
        data = write_synthetic(
            Path(folder) / "data", episodes=8, frames=max(8, batch // 2), image_size=settings.image_size
        )
        work = {"bare": _bare(settings), "step": complete_step(data, settings)}
        seconds = time_in_turn(work, _QUICK_ROUNDS if arguments.quick else _ROUNDS)
    return {
        "step_ratio": float(np.median(seconds["step"] / seconds["bare"])),
        "step_s": float(np.median(seconds["step"])),
        "bare_s": float(np.median(seconds["bare"])),
        "images_per_s": 2 * batch / float(np.median(seconds["step"])),
        "trained_layers": f"{depth.layers - depth.frozen} of {depth.layers}",
        "device": str(device),
        "threads": torch.get_num_threads(),
        "encoder": f"{settings.encoder}, {settings.image_size} px, batch {batch}, {settings.method}",
        "rounds": len(seconds["step"]),
    }


def _bare(settings: LearnerSettings) -> Callable[[], None]:
    """Make a function that runs forward and backward of the encoder alone, on prepared images of both views.

    Frozen layers run forward only, as in the step.
    """
    learner = Learner(settings, action_dimension=1)
    encoder, device = learner.encoder, learner.device
    shape = (settings.batch, 3, settings.image_size, settings.image_size)
    views = [torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last) for _ in range(2)]

    def once() -> None:
        encoder.train()
        learner.adaptation.hold_still()
        encoder.zero_grad()
        loss = encoder(views[0]).mean() + encoder(views[1]).mean()
        if loss.requires_grad:
            loss.backward()
        wait_for_device(device)

    return once
