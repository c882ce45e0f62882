"""A run killed without warning goes on, on the very same curve, whatever state its settings let it hold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.cli.main import main
from aassl_ros.learning.checkpoint import load_checkpoint
from aassl_ros.learning.update import Learner

# Slow copies, LARS's momentum, a cosine after a warm-up, an average, float16's scale, parts of batches, the probe.
WORDS = ["--method", "aa_mocov3", "--width", "4", "--batch", "32", "--epochs", "4", "--lr", "0.5",
         "--schedule", "cosine", "--warmup-epochs", "1.5", "--precision", "fp16", "--probe-every", "0.5",
         "--tensorboard", "true",
         "--set", "optimizer=lars", "ema=0.9", "accumulate=2", "action_weight=30", "save_every_s=0.1"]  # fmt: skip
KILLED_AT, UPDATES = 6, 20


def curve(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in ("seconds", "images_per_s")} for line in lines]


def wait_for_lines(log: Path, count: int, training: subprocess.Popen) -> None:
    while not (log.exists() and log.read_bytes().count(b"\n") >= count):
        assert training.poll() is None, training.stderr.read()
        time.sleep(0.005)


def test_killed_and_resumed_it_is_the_uninterrupted_run_to_the_bit(tmp_path: Path) -> None:
    whole, killed, data = tmp_path / "whole", tmp_path / "killed", str(tmp_path / "data")
    write_synthetic(tmp_path / "data", episodes=8, frames=20, image_size=16)  # 160 frames: 5 updates an epoch
    assert main(["train", data, "-o", str(whole), *WORDS]) == 0
    command = [sys.executable, "-m", "aassl_ros.cli.main", "train", data, "-o", str(killed), *WORDS]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as training:
        wait_for_lines(killed / "log.jsonl", KILLED_AT, training)
        training.send_signal(signal.SIGKILL)
    assert 0 < load_checkpoint(killed).step < UPDATES
    assert main(["train", data, "-o", str(killed), "--resume"]) == 0

    assert len(curve(whole)) == UPDATES
    assert curve(killed) == curve(whole)
    ends = [load_checkpoint(run) for run in (killed, whole)]
    assert ends[0].digest == ends[1].digest
    states = [Learner.from_checkpoint(end).state() for end in ends]
    assert states[0]["precision"] == states[1]["precision"]
    assert states[0]["precision"]["scale"] < 65536  # it did overflow, and so there was something to remember
