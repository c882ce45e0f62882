"""A run that is killed without warning continues on the same curve, whatever state its settings give it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.cli.main import main
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.training.saving import resume_learner

# Slow copies, LARS's momentum, a cosine after a warm-up, an average, float16's scale, parts of batches, the probe.
WORDS = ["--method", "aa_mocov3", "--width", "4", "--batch", "32", "--epochs", "4", "--lr", "0.5",
         "--schedule", "cosine", "--warmup-epochs", "1.5", "--precision", "fp16", "--probe-every", "0.5",
         "--tensorboard", "true",
         "--set", "optimizer=lars", "ema=0.9", "accumulate=2", "action_weight=30"]  # fmt: skip
KILLED_AT, UPDATES = 6, 20
# Killed once the update is in the log and before it is saved: a kill from outside would come when it happens to.
KILLS_ITSELF = f"""
import os, signal, sys
from aassl_ros.cli.main import main
from aassl_ros.learning.training.run_log import RunLog
write = RunLog.write
def write_then_die(log, line):
    write(log, line)
    if line["step"] == {KILLED_AT}:
        os.kill(os.getpid(), signal.SIGKILL)
RunLog.write = write_then_die
main(sys.argv[1:])
"""


def curve(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in ("seconds", "images_per_s")} for line in lines]


def test_killed_and_resumed_it_is_the_uninterrupted_run_to_the_bit(tmp_path: Path) -> None:
    whole, killed, data = tmp_path / "whole", tmp_path / "killed", str(tmp_path / "data")
    write_synthetic(tmp_path / "data", episodes=8, frames=20, image_size=16)  # 160 frames: 5 updates an epoch
    assert main(["train", data, "-o", str(whole), *WORDS]) == 0
    command = [sys.executable, "-c", KILLS_ITSELF, "train", data, "-o", str(killed), *WORDS, "save_every_s=0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    assert subprocess.run(command, env=environment, check=False, timeout=600).returncode == -signal.SIGKILL
    assert len(curve(killed)) == KILLED_AT
    assert load_checkpoint(killed).step == KILLED_AT - 1
    assert main(["train", data, "-o", str(killed), "--resume", "--set", "save_every_s=120"]) == 0

    assert len(curve(whole)) == UPDATES
    assert curve(killed) == curve(whole)
    ends = [load_checkpoint(run) for run in (killed, whole)]
    assert ends[0].digest == ends[1].digest
    states = [resume_learner(end).state() for end in ends]
    assert states[0]["precision"] == states[1]["precision"]
    assert states[0]["precision"]["scale"] < 65536  # it did overflow, and so there was something to remember
