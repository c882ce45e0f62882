"""Online training from scratch in the simulator, and as many updates offline on the frames of that very run.

While the simulated robot handles objects, the trainer node trains a new encoder on those of the set train. The recorder
records all. Afterwards each checkpoint is evaluated on objects of the set test, which no encoder was trained on, and an
encoder is trained offline on the recorded frames.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from aassl_ros.bringup.processes import NodeProcesses
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.bringup.systems import node_specs
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import AasslError, DataError
from aassl_ros.learning.evaluation.evaluate import EvaluationSettings, evaluate
from aassl_ros.learning.evaluation.evaluated_encoder import evaluated_encoder_at
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.run_log import LOG
from aassl_ros.nodes.trainer_settings import FOR_ADAPTATION
from aassl_ros.paths import share
from aassl_ros.progress import progress
from aassl_ros.sim.catalogue import instance_id, load_catalogue

HELP = "accuracy over the minutes of online training from scratch, and offline on the same frames with as many updates"
_MINUTES, _QUICK_MINUTES = 15.0, 1.0
_MEASURED = EvaluationSettings(measures=("category",), frames_per_episode=8, shots=(1,), few_shot_draws=1)
_MOST_CHECKPOINTS = 12
_DONE = "recorded"  # a file in --out: the robot has worked; a second call goes on from there


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=0.0, help="how long the robot works (default 15, --quick 1)")
    parser.add_argument("--out", type=Path, default=Path("online-curve"), help="folder for all results; a second call"
                        " does only what follows the robot's work")  # fmt: skip
    parser.add_argument("--categories", type=int, default=8, help="categories of objects (default 8)")
    parser.add_argument("--image-size", type=int, default=48, help="side of the training images in pixels (default 48)")
    parser.add_argument("--episode-seconds", type=float, default=1.2, help="handling time of an object (default 1.2)")
    parser.add_argument("--seed", type=int, default=0, help="of objects, motion and training (default 0)")


@dataclass(frozen=True)
class Point:
    """Accuracies of the encoder after so many updates, s seconds after the start of the trainer."""

    step: int
    seconds: float
    probe: float
    knn: float


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run what `aassl bench online-curve` prints."""
    minutes = arguments.minutes or (_QUICK_MINUTES if arguments.quick else _MINUTES)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    settings = yaml.safe_load((share("config/demo/train.yaml")).read_text())
    settings = {name: value for name, value in settings.items() if name != "epochs"}
    settings |= {"image_size": arguments.image_size, "seed": arguments.seed}
    load = os.getloadavg()[0]
    if not (out / _DONE).exists():
        _work(out, arguments, settings, 60 * minutes)
    _aassl("prepare", str(out / "bag"), "-o", str(out / "data"), "--image-size", str(arguments.image_size), "--force")
    data = PreparedData.open(out / "data")
    points, random_encoder = _evaluate_run(out / "run", data)
    offline = _train_offline(out, settings, points[-1].step, data)
    figures = {
        "covered": covered(random_encoder, points[-1].probe, offline.probe),
        "random_encoder": random_encoder,
        "online": points[-1].probe,
        "offline": offline.probe,
        "online_knn": points[-1].knn,
        "offline_knn": offline.knn,
        "updates": points[-1].step,
        "minutes": points[-1].seconds / 60,
        "frames": len(data.stamps_ns),
        "load_at_start": load,
        "load_at_end": os.getloadavg()[0],
        "curve": [vars(point) for point in points],
    }
    (out / "curve.json").write_text(json.dumps(figures, indent=1))
    (out / "curve.png").write_bytes(_draw(points, random_encoder, offline))
    return figures


def covered(random_encoder: float, online: float, offline: float) -> float:
    """Share of the way from the random encoder to offline training that online training went; NaN if there is none."""
    way = offline - random_encoder
    return (online - random_encoder) / way if way > 0 else float("nan")


def _from_scratch() -> dict[str, Any]:
    offline = LearnerSettings()
    return {name: getattr(offline, name) for name in FOR_ADAPTATION}


def objects(categories: int, seconds: float, episode_seconds: float, seed: int) -> list[str]:
    """The objects to handle, as SET:INSTANCE, enough for the time even if nothing delays the robot.

    In each round a new one of every category; every fourth round is for testing.
    """
    rng = np.random.default_rng(seed)
    names = load_catalogue().categories
    chosen = [names[place] for place in np.sort(rng.permutation(len(names))[:categories])]
    rounds = int(seconds / episode_seconds / categories) + 2
    listed = []
    for number in range(rounds):
        kind = "test" if number % 4 == 1 else "train"
        listed += [f"{kind}:{instance_id(chosen[place], number)}" for place in rng.permutation(categories)]
    return listed


def _work(out: Path, arguments: argparse.Namespace, settings: dict[str, Any], seconds: float) -> None:
    """Let the simulated robot handle objects for a time, while the recorder records and the trainer trains."""
    from aassl_ros.ros.monitor import Monitor  # only here: the other benchmarks do not need rclpy

    config = out / "config"
    config.mkdir(exist_ok=True)
    trainer = {**_from_scratch(), **settings, "capacity": 60_000, "min_frames": 300, "min_episodes": 8,
               "normalisation_frames": 300, "save_seconds": max(5.0, seconds / 30), "keep": 1000}  # fmt: skip
    (config / "trainer.yaml").write_text(yaml.safe_dump({"/**/trainer": {"ros__parameters": trainer}}))
    shutil.copy(share("config/demo/simulator.yaml"), config / "simulator.yaml")
    given = {
        "config": str(config),
        "bag": str(out / "bag"),
        "run_dir": str(out / "run"),
        "checkpoint": "none",
        "objects": ",".join(objects(arguments.categories, seconds, arguments.episode_seconds, arguments.seed)),
        "episode_seconds": str(arguments.episode_seconds),
        "exit_when_done": "true",
        "seed": str(arguments.seed),
        "device": "cpu",
    }
    specs = [spec for spec in node_specs("online", given) if spec.name != "evaluator"]
    with own_domain(), Monitor() as monitor, NodeProcesses(specs, log_dir=out / "logs") as processes:
        begun = time.monotonic()
        with progress("seconds of work", round(seconds)) as bar:
            while (passed := time.monotonic() - begun) < seconds and processes.exit_status("explorer") is None:
                processes.check()
                bar.update(int(passed), note=f"update {monitor.values('trainer').get('step', 0)}")
                time.sleep(0.5)
        processes.stop()
        processes.check()
    (out / _DONE).touch()


def _evaluate_run(run: Path, data: PreparedData) -> tuple[list[Point], float]:
    """Evaluate the checkpoints of a run, and a random encoder."""
    saved = sorted(path for path in (run / "checkpoints").iterdir() if path.name.isdecimal())
    if not saved:
        raise DataError(f"{run} has no checkpoint. Let the robot work longer.")
    kept = evenly_spaced(len(saved), _MOST_CHECKPOINTS)
    lines = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    times = {line["step"]: line["seconds"] for line in lines}
    points, random_encoder = [], float("nan")
    with progress("checkpoints evaluated", len(kept)) as bar:
        for number, place in enumerate(kept):
            path = saved[place]
            found = _accuracies(path, data, baselines=number == 0)
            random_encoder = found.get("random_encoder", random_encoder)
            step = int(path.name)
            seconds = max((at for logged, at in times.items() if logged <= step), default=0.0)
            points.append(Point(step, seconds, found["probe"], found["knn"]))
            bar.update(number + 1)
    return points, random_encoder


def _accuracies(path: Path, data: PreparedData, *, baselines: bool) -> dict[str, float]:
    settings = EvaluationSettings(**{**vars(_MEASURED), "baselines": baselines})
    found = evaluate(evaluated_encoder_at(path), data, settings).to_json()
    accuracies = {name: found[name]["accuracy"] for name in ("probe", "knn")}
    return accuracies | ({"random_encoder": found["baselines"]["random_encoder"]} if baselines else {})


def _train_offline(out: Path, settings: dict[str, Any], updates: int, data: PreparedData) -> Point:
    config, run = out / "config" / "offline.yaml", out / "offline"
    config.write_text(yaml.safe_dump(settings))
    begun = time.monotonic()
    shutil.rmtree(run, ignore_errors=True)
    _aassl("train", str(out / "data"), "-o", str(run), "--config", str(config), "--updates", str(updates))
    found = _accuracies(run / "checkpoint", data, baselines=False)
    return Point(updates, time.monotonic() - begun, found["probe"], found["knn"])


def _aassl(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "aassl_ros.cli.main", *words], stdout=sys.stderr, check=False)
    if done.returncode not in (0, 3):
        raise AasslError(f"aassl {words[0]} exited with status {done.returncode}. Its error is shown above.")


def _draw(points: list[Point], random_encoder: float, offline: Point) -> bytes:
    from aassl_ros.report import plots  # matplotlib takes a second to load

    minutes = [point.seconds / 60 for point in points]
    return plots.accuracy_over_time(
        np.array([0.0, *minutes]),
        np.array([random_encoder, *(point.probe for point in points)]),
        {"offline, as many updates": offline.probe, "random encoder": random_encoder},
    )
