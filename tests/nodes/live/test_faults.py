"""Online training goes on if nodes start in any order, are killed or hear nothing, and if the disk is full."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.ros import conversions

SMALL = {"checkpoint": "none", "width": 8, "image_size": 32, "batch": 16, "device": "cpu", "min_frames": 30,
         "min_episodes": 1, "normalisation_frames": 40, "episode_delay_s": 0.2, "nice": 0,
         "max_replay_ratio": 0.0}  # fmt: skip
KEPT = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Heard:
    """The announcements of the trainer and the answers of the evaluator, in order."""

    def __init__(self, stage: Any) -> None:
        self.checkpoints: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        for topic, list_, qos in ((topics.CHECKPOINT, self.checkpoints, KEPT), (topics.ANSWER, self.answers, 50)):
            stage.node.create_subscription(String, topic, lambda m, to=list_: to.append(json.loads(m.data)), qos)


@pytest.fixture
def heard(stage: Any) -> Heard:
    return Heard(stage)


def number(stage: Any, node: str, name: str) -> int:
    return int(stage.values(node).get(name, 0))


@pytest.mark.slow
def test_trainer_and_evaluator_start_in_any_order_and_survive_each_others_death(
    ros: Any, stage: Any, start_node: Any, heard: Heard, gallery_data: Path, tmp_path: Path
) -> None:
    trained = {**SMALL, "run_dir": tmp_path / "run", "save_seconds": 1.0}
    evaluated = {"checkpoint": "none", "gallery": gallery_data, "device": "cpu", "taught": "", "worse_by": 1.0}
    evaluator = start_node("evaluator", evaluated)
    ros.wait_for(lambda: "waiting for one" in stage.values("evaluator").get("message", ""), what="a waiting evaluator")
    trainer = start_node("trainer", trained)
    stage.begin("lying_0000")
    ros.wait_for(lambda: heard.answers, what="answers by the trainer's first checkpoint")

    trainer.kill()
    trainer.wait()
    last, answered = heard.checkpoints[-1], len(heard.answers)
    ros.wait_for(lambda: len(heard.answers) > answered + 20, what="answers without a trainer")
    assert load_checkpoint(last["path"]).digest == last["digest"]

    start_node("trainer", trained)
    ros.wait_for(lambda: heard.checkpoints[-1]["step"] > last["step"], what="a checkpoint after the last one")
    evaluator.kill()
    evaluator.wait()
    saved = len(heard.checkpoints)
    ros.wait_for(lambda: len(heard.checkpoints) > saved, what="a checkpoint without an evaluator")
    answered = len(heard.answers)
    start_node("evaluator", evaluated)
    ros.wait_for(lambda: len(heard.answers) > answered, what="answers of the new evaluator")
    assert heard.answers[-1]["checkpoint"] in {one["digest"] for one in heard.checkpoints}


@pytest.mark.slow
def test_silent_joints_and_a_silent_camera_are_told_and_training_goes_on(
    ros: Any, stage: Any, start_node: Any, tmp_path: Path
) -> None:
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run"})
    stage.begin("lying_0000")
    ros.wait_for(lambda: number(stage, "trainer", "step") > 0, what="updates")
    for silent, told in (("joints", "was kept"), ("images", "no message on /camera/image_raw")):
        stage.silent = {silent}
        ros.wait_for(lambda told=told: told in stage.values("trainer")["message"], what=f"a warning: {told}")
        step, kept = number(stage, "trainer", "step"), number(stage, "trainer", "frames_kept")
        ros.wait_for(lambda step=step: number(stage, "trainer", "step") > step, what="updates meanwhile")
        stage.silent = set()
        ros.wait_for(lambda kept=kept: number(stage, "trainer", "frames_kept") > kept + 10, what="frames again")
        ros.wait_for(lambda: stage.values("trainer")["message"].startswith("learning"), what="the end of the warning")


@pytest.mark.slow
def test_in_simulated_time_a_clock_that_is_set_back_ends_the_episodes_and_training_goes_on(
    ros: Any, stage: Any, start_node: Any, tmp_path: Path
) -> None:
    clock = stage.node.create_publisher(Clock, "/clock", 10)
    stage.shift_ns = 5_000_000_000 - stage.now_ns()
    stage.node.create_timer(0.02, lambda: clock.publish(Clock(clock=conversions.time_message(stage.now_ns()))))
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run", "use_sim_time": True})
    stage.begin("lying_0000")
    ros.wait_for(lambda: number(stage, "trainer", "step") > 0, what="updates")
    stage.shift_ns -= stage.now_ns() - 1_000_000_000  # the simulator was started again
    ros.wait_for(lambda: number(stage, "trainer", "clock_restarts") == 1, what="the jump")
    outside = number(stage, "trainer", "frames_outside_episodes")
    ros.wait_for(
        lambda: number(stage, "trainer", "frames_outside_episodes") > outside + 10, what="frames of no episode"
    )
    kept, buffered = number(stage, "trainer", "frames_kept"), number(stage, "trainer", "buffer_frames")
    assert kept == buffered > 0  # what was kept before stays
    stage.begin("lying_0001")
    step = number(stage, "trainer", "step")
    ros.wait_for(lambda: number(stage, "trainer", "frames_kept") > kept + 10, what="frames of the new episode")
    ros.wait_for(lambda: number(stage, "trainer", "step") > step, what="updates")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 40 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)]
    if os.getuid() != 0 or shutil.which("mount") is None or subprocess.run(words, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(file: Path) -> None:
    """Write zeros until the disk is full."""
    with open(file, "wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(bytes(4096)):
            pass


def test_a_full_disk_is_told_and_when_there_is_room_again_the_trainer_saves(
    ros: Any, stage: Any, start_node: Any, heard: Heard, small_disk: Path
) -> None:
    run = small_disk / "run"
    process = start_node("trainer", {**SMALL, "run_dir": run, "save_seconds": 1.0, "keep": 1})
    stage.begin("lying_0000")
    ros.wait_for(lambda: heard.checkpoints, what="a checkpoint")
    filling = small_disk / "filling"
    fill(filling)
    ros.wait_for(lambda: "Free some disk space" in stage.values("trainer").get("message", ""), what="the warning")
    step = number(stage, "trainer", "step")
    ros.wait_for(lambda: number(stage, "trainer", "step") > step, what="updates with a full disk")
    last = heard.checkpoints[-1]
    assert load_checkpoint(run).digest == last["digest"]  # the one before is whole
    filling.unlink()
    ros.wait_for(lambda: heard.checkpoints[-1]["step"] > last["step"], what="a checkpoint when there is room")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert said.count("Free some disk space") == 1  # logged when it began
    assert load_checkpoint(run).step >= heard.checkpoints[-1]["step"]
