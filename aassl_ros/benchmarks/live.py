"""Answers per second of the evaluator while simulator, explorer, recorder and trainer run: on one core, and on two.

All nodes and this process are bound to the same cores. The trainer adapts the pretrained encoder meanwhile, and each of
its checkpoints is loaded. Answers are counted on their topic, by the wall clock. For comparison, the encoder's forward
pass is timed alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.bringup.processes import NodeProcesses
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.bringup.systems import node_specs
from aassl_ros.errors import ConfigError
from aassl_ros.learning.encoders.folding import fold_batch_norms
from aassl_ros.learning.encoders.pretrained import PRETRAINED, pretrained_backbone

HELP = "answers per second of the evaluator with the pretrained encoder while all other nodes run"
_SECONDS, _QUICK_SECONDS = 40.0, 8.0
_START_S = 600.0  # a slow machine imports torch twice on one core
_INSTANCES, _FRAMES, _GALLERY_SIZE = 12, 10, 128
_OBJECTS = 200  # more than can be handled in the time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--eye", default=PRETRAINED, help="encoder: pretrained:ENCODER:SIZE (default: lite0 at 128 px)")
    parser.add_argument("--seconds", type=float, default=0.0, help="seconds to count (default 40, with --quick 8)")
    parser.add_argument("--cores", type=int, choices=(1, 2), help="only measure on this number of cores")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench live` prints: answers per second, frames per second, latency, and the encoder alone."""
    if not hasattr(os, "sched_setaffinity"):
        raise ConfigError("aassl bench live binds processes to cores, which this system cannot. Run it on Linux.")
    seconds = arguments.seconds or (_QUICK_SECONDS if arguments.quick else _SECONDS)
    available = sorted(os.sched_getaffinity(0))
    if arguments.cores and arguments.cores > len(available):
        raise ConfigError(f"aassl bench live: cores = {arguments.cores}, but this machine has {len(available)}.")
    figures: dict[str, Any] = {"encoder_alone_per_s": 1 / forward_s(arguments.eye)}
    with tempfile.TemporaryDirectory() as folder:
        gallery = write_patterns(
            Path(folder) / "gallery", instances=_INSTANCES, frames=_FRAMES, image_size=_GALLERY_SIZE
        )
        for count, ending in ((1, "_one_core"), (2, "")):
            if len(available) < count or arguments.cores not in (None, count):
                continue
            with bound_to(available[:count]):
                found = _count(Path(folder) / f"cores{count}", gallery.path, arguments.eye, seconds)
            figures |= {f"{name}{ending}": value for name, value in found.items()}
    return {**figures, "encoder": arguments.eye, "seconds": seconds}


def forward_s(eye: str) -> float:
    """Median seconds of the forward pass of one image, on one thread."""
    backbone = pretrained_backbone(eye)
    encoder, size = fold_batch_norms(backbone.encoder), backbone.settings.image_size
    images = torch.rand(1, 3, size, size).contiguous(memory_format=torch.channels_last)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seconds = []
    with torch.inference_mode():
        for _ in range(40):
            begun = time.perf_counter()
            encoder(images)
            seconds.append(time.perf_counter() - begun)
    torch.set_num_threads(threads)
    return float(np.median(seconds))


@contextmanager
def bound_to(cores: list[int]) -> Iterator[None]:
    """Bind this thread, and what it starts, to these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _count(folder: Path, gallery: Path, eye: str, seconds: float) -> dict[str, Any]:
    from aassl_ros.ros.monitor import Monitor  # only here: the other benchmarks do not need rclpy

    with own_domain(), Monitor() as monitor, NodeProcesses(_specs(folder, gallery, eye)) as processes:
        processes.wait_for(
            lambda: monitor.answers and "loss" in monitor.values("trainer"),
            _START_S,
            lambda: f"in {_START_S:g} s the evaluator gave no answer, or the trainer made no update.",
        )
        first, received, begun = len(monitor.answers), _frames(monitor), time.monotonic()
        time.sleep(seconds)  # what is measured is what happens meanwhile
        answers, frames, passed_s = monitor.answers[first:], _frames(monitor) - received, time.monotonic() - begun
        updates = monitor.values("trainer").get("updates_per_s", "0")
        processes.check()
    stamps = [answer.stamp_ns for answer in answers]
    latencies = [answer.latency_ms for answer in answers] or [float("nan")]
    return {
        "answers_per_s": len(answers) / passed_s,
        "frames_per_s": frames / passed_s,
        "latency_ms_p50": float(np.median(latencies)),
        "latency_ms_p99": float(np.percentile(latencies, 99)),
        "in_order": stamps == sorted(stamps),
        "updates_per_s": float(updates),
    }


def _specs(folder: Path, gallery: Path, eye: str) -> Any:
    config = folder / "config"
    config.mkdir(parents=True)
    parameters = {"min_frames": 60, "min_episodes": 2, "normalisation_frames": 60, "batch": 32, "save_seconds": 15.0}
    (config / "trainer.yaml").write_text(yaml.safe_dump({"/**/trainer": {"ros__parameters": parameters}}))
    objects = ",".join(f"train:mug_{number:04d}" for number in range(_OBJECTS))
    given = {
        "config": str(config),
        "bag": str(folder / "bag"),
        "run_dir": str(folder / "run"),
        "checkpoint": eye,
        "gallery": str(gallery),
        "objects": objects,
        "episode_seconds": "1.5",
    }
    return node_specs("online", given)


def _frames(monitor: Any) -> int:
    """Number of camera frames that the recorder has received."""
    return int(monitor.values("recorder").get("frames_received", 0))
