"""Training, reception and answers while a camera and an arm send: each in its process, as `aassl up online` runs them.

A synthetic robot sends 30 frames and 100 joint states per second. The trainer node trains from scratch, and the
evaluator answers with its checkpoints. The same training steps are timed alone before and after. Rates are per second
in which the training thread could have had a core (see core_time.py), so that the cores' other users do not count.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.benchmarks.core_time import Pace, busiest_thread, mark_trainer, pace_alone
from aassl_ros.benchmarks.load import killed_at_end, start_publisher, stop
from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.benchmarks.step import complete_step
from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.bringup.processes import NodeProcesses
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.bringup.systems import NodeSpec
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams.synthetic_load import Load, read_records
from aassl_ros.errors import RosError
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.nodes.trainer_settings import FOR_ADAPTATION
from aassl_ros.paths import share
from aassl_ros.settings import from_mapping

HELP = "training, reception and answers while a robot sends, compared with the same training alone"
_SECONDS, _QUICK_SECONDS = 60.0, 8.0
_BATCH, _QUICK_BATCH = 256, 32
_NICE = 10  # the trainer's default
_EPISODE_S = 2.0
_START_S = 600.0
_LATE_S = 1.0  # the last answers are still on their way
_CAMERA = "camera_0"  # the first of the synthetic robot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=0.0, help="seconds to measure (default 60, with --quick 8)")
    parser.add_argument("--batch", type=int, default=0, help="pairs in a batch (default 256, with --quick 32)")
    parser.add_argument("--width", type=int, default=32, help="channels of the encoder's first stage (default 32)")
    parser.add_argument("--image-size", type=int, default=64, help="side of the training images in pixels (default 64)")
    parser.add_argument("--frame", default="640x480", help="size of the camera's images (default 640x480)")


@dataclass(frozen=True)
class Live:
    """What was seen of the running system.

    sent_ns: stamps of the frames sent; answers: with the time of receipt, ns; lost: messages that the trainer did not
    receive, by kind; kept: frames put into its buffer.
    """

    pace: Pace
    sent_ns: list[int]
    answers: list[tuple[EvaluatorAnswer, int]]
    lost: dict[str, int]
    kept: int
    saves: int


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench online` prints."""
    quick = arguments.quick
    seconds = arguments.seconds or (_QUICK_SECONDS if quick else _SECONDS)
    asked = {"width": arguments.width, "image_size": arguments.image_size, "device": "cpu"}
    asked["batch"] = arguments.batch or (_QUICK_BATCH if quick else _BATCH)
    settings = from_mapping(LearnerSettings, asked, source="aassl bench online")
    load = _load(arguments.frame)
    with tempfile.TemporaryDirectory() as folder:
        data = write_synthetic(Path(folder) / "data", episodes=8, frames=128, image_size=settings.image_size)
        once = complete_step(data, settings)
        before = pace_alone(once, seconds / 4, nice=_NICE)
        live = run_live(Path(folder), settings, load, seconds)
        after = pace_alone(once, seconds / 4, nice=_NICE)
    return figures(before + after, live) | {
        "offline_updates_per_core_s_before": before.per_core_s,
        "offline_updates_per_core_s_after": after.per_core_s,
        "frames": f"{load.camera_hz:g} Hz, {load.width}x{load.height}",
        "encoder": f"{settings.encoder} width {settings.width}, {settings.image_size} px, batch {settings.batch}",
        "seconds": live.pace.wall_s,
    }


def figures(offline: Pace, live: Live) -> dict[str, Any]:
    """Compute the figures from what was measured."""
    sent = set(live.sent_ns)
    answered = {answer.stamp_ns: received_ns for answer, received_ns in live.answers if answer.stamp_ns in sent}
    if not answered:
        raise RosError("the evaluator answered none of the frames.")
    latencies_ms = [(received_ns - stamp_ns) * 1e-6 for stamp_ns, received_ns in answered.items()]
    skipped, told = skips(live)
    return {
        "step_ratio": live.pace.per_core_s / offline.per_core_s,
        "dropped": sum(live.lost.values()),
        "answered": len(answered) / len(sent),
        "answer_ms_p99": float(np.percentile(latencies_ms, 99)),
        "answer_ms_p50": float(np.median(latencies_ms)),
        "skipped": skipped,
        "skipped_told": told,
        "frames_sent": len(sent),
        "frames_kept": live.kept,
        **{f"lost_{name}": count for name, count in live.lost.items()},
        "updates_per_s": live.pace.per_s,
        "updates_per_core_s": live.pace.per_core_s,
        "training_ran": live.pace.ran_s / live.pace.wall_s,
        "training_queued": live.pace.queued_s / live.pace.wall_s,
        "offline_updates_per_s": offline.per_s,
        "offline_updates_per_core_s": offline.per_core_s,
        "saves": live.saves,
    }


def skips(live: Live) -> tuple[int, int]:
    """Count frames without an answer between the first answer and the last, and how many the evaluator says."""
    sent = set(live.sent_ns)
    inside = [answer for answer, _ in live.answers if answer.stamp_ns in sent]
    stamps = [answer.stamp_ns for answer in inside]
    between = [stamp_ns for stamp_ns in live.sent_ns if stamps[0] <= stamp_ns <= stamps[-1]]
    return len(between) - len(set(stamps)), sum(answer.skipped or 0 for answer in inside[1:])


def run_live(folder: Path, settings: LearnerSettings, load: Load, seconds: float) -> Live:
    """Run robot, trainer and evaluator, and measure for some seconds."""
    from aassl_ros.ros.episode_series import marked_episodes  # only here: the other benchmarks do not need rclpy
    from aassl_ros.ros.monitor import Monitor

    gallery = write_patterns(folder / "gallery", instances=4, frames=10, image_size=settings.image_size)
    stamps, run = folder / "stamps", folder / "run"
    specs = node_specs(folder, gallery.path, settings)
    with own_domain(), Monitor() as monitor, NodeProcesses(specs) as processes, marked_episodes(_EPISODE_S):
        publisher = start_publisher(load, stamps)
        with killed_at_end([publisher]):
            processes.wait_for(  # the first checkpoint answers
                lambda: int(monitor.values("evaluator").get("step", 0)) > 0,
                _START_S,
                lambda: (
                    f"no checkpoint answered within {_START_S:g} s "
                    f"(trainer: {monitor.values('trainer').get('message', 'no diagnostics')})."
                ),
            )
            trainer = processes.process_id("trainer")
            thread = busiest_thread(trainer, _NICE)
            mark = mark_trainer(run, trainer, thread)
            values, first, begun_ns = dict(monitor.values("trainer")), len(monitor.answers), time.time_ns()
            time.sleep(seconds)  # what is measured is what happens meanwhile
            pace = mark.until(mark_trainer(run, trainer, thread))
            ended_ns = time.time_ns()
            time.sleep(_LATE_S)
            later = monitor.values("trainer")
            answers = list(zip(monitor.answers, monitor.answered_ns, strict=False))[first:]
            processes.check()
            stop(publisher)
    sent_ns = [stamp_ns for number, stamp_ns in read_records(stamps) if number == 0 and begun_ns <= stamp_ns < ended_ns]
    lost = {name: _more(f"{name}_lost", values, later) for name in ("frames", "joint_states")}
    kept, saves = (_more(name, values, later) for name in ("frames_kept", "saves"))
    return Live(pace, sent_ns, answers, lost, kept, saves)


_COMPARED = ("width", "image_size", "device", *FOR_ADAPTATION)
"""Settings of the offline training that the trainer node has otherwise, or that differ from run to run."""


def node_specs(folder: Path, gallery: Path, settings: LearnerSettings) -> list[NodeSpec]:
    """The trainer and the evaluator of this benchmark."""
    learner = {name: getattr(settings, name) for name in _COMPARED}
    fewest = {"min_frames": 120, "min_episodes": 2, "normalisation_frames": 120, "max_replay_ratio": 0.0}
    trainer = {"camera": _CAMERA, "checkpoint": "none", "run_dir": str(folder / "run"), "nice": _NICE}
    evaluator = {"camera": _CAMERA, "checkpoint": "none", "gallery": str(gallery), "taught": "", "worse_by": 1.0}
    return [
        NodeSpec("trainer", str(share("config/trainer.yaml")), {**trainer, **learner, **fewest, "save_seconds": 15.0}),
        NodeSpec("evaluator", str(share("config/evaluator.yaml")), {**evaluator, "device": "cpu"}),
    ]


def _load(frame: str) -> Load:
    width, _, height = frame.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise RosError(f"aassl bench online: frame = {frame!r}, expected WIDTHxHEIGHT such as 640x480.")
    return Load(cameras=1, width=int(width), height=int(height), joint_hz=100.0, variants=29)


def _more(name: str, before: Any, after: Any) -> int:
    return int(after.get(name, 0)) - int(before.get(name, 0))
