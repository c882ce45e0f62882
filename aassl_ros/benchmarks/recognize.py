"""Time that the evaluator node adds to the forward pass of its encoder: decode, resize, classify and publish.

Both are timed for each frame, one after the other, and subtracted: if the machine is slow for a while, both are.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aassl_ros.benchmarks.patterns import CATEGORIES, draw_pattern, write_patterns
from aassl_ros.benchmarks.step import learner_settings
from aassl_ros.errors import ConfigError
from aassl_ros.learning.checkpoints.checkpoint import Provenance
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.encoders.factory import ENCODERS
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import save_checkpoint

HELP = "time per frame that the evaluator adds to the forward pass of its encoder"
_ROUNDS, _QUICK_ROUNDS, _WARM_UP = 500, 60, 20
# As many labelled frames as 12 categories of 10 instances give.
_GALLERY_INSTANCES, _GALLERY_FRAMES = 40, 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", choices=tuple(ENCODERS), default="resnet18")
    parser.add_argument("--width", type=int, default=32, help="channels of the encoder's first stage (default 32)")
    parser.add_argument(
        "--image-size", type=int, default=64, help="side of the encoder's images in pixels (default 64)"
    )
    parser.add_argument("--camera-size", type=int, default=480, help="side of the camera's images (default 480)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="processor threads of torch (default: 1, as the node's)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench recognize` prints: the added time, and the time of the encoder alone."""
    for name in ("camera_size", "threads"):
        if getattr(arguments, name) < 1:
            raise ConfigError(f"aassl bench: {name} = {getattr(arguments, name)}, expected at least 1.")
    rounds = _QUICK_ROUNDS if arguments.quick else _ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        whole, forward = _time(arguments, Path(folder), rounds)
    added = 1e3 * (whole - forward)
    return {
        "added_ms_p50": float(np.percentile(added, 50)),
        "added_ms_p99": float(np.percentile(added, 99)),
        "forward_ms_p50": 1e3 * float(np.median(forward)),
        "whole_ms_p50": 1e3 * float(np.median(whole)),
        "device": str(choose_device(arguments.device)),
        "threads": arguments.threads,
        "encoder": f"{arguments.encoder} width {arguments.width}, {arguments.image_size} px",
        "camera_px": arguments.camera_size,
        "frames": rounds,
    }


def _time(arguments: argparse.Namespace, folder: Path, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds, float64 [rounds], of a frame in the node, and of the encoder's forward pass alone."""
    from aassl_ros.nodes.evaluator_probe import EvaluatorProbe  # only here: the other benchmarks do not need rclpy

    settings = learner_settings(arguments, method="simclr")
    checkpoint = save_checkpoint(folder / "run", Learner(settings), Provenance(None, None, ()))
    gallery = write_patterns(
        folder / "data", instances=_GALLERY_INSTANCES, frames=_GALLERY_FRAMES, image_size=arguments.image_size
    )
    rng, device = np.random.default_rng(0), choose_device(arguments.device)
    whole, forward = np.zeros(rounds), np.zeros(rounds)
    with EvaluatorProbe(checkpoint, gallery.path, arguments.device, arguments.threads) as probe:
        messages = [probe.message(draw_pattern(name, arguments.camera_size, 0.0, rng)) for name in CATEGORIES]
        encoder = probe.recognizer.encoder
        images = torch.rand(1, 3, arguments.image_size, arguments.image_size, device=device)
        images = images.contiguous(memory_format=torch.channels_last)
        for number in range(-_WARM_UP, rounds):
            begun = time.perf_counter()
            probe.take(messages[number % len(messages)])
            between = time.perf_counter()
            with torch.inference_mode():
                encoder(images).cpu()
            ended = time.perf_counter()
            if number >= 0:
                whole[number], forward[number] = between - begun, ended - between
    return whole, forward
