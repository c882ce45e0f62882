"""What the trainer publishes besides its checkpoints: its numbers as topics, and the weights as messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from std_msgs.msg import Float64, String, UInt8MultiArray

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import WeightsPart
from aassl_ros.data.streams.weight_parts import WeightsAssembler
from aassl_ros.learning.recognition.eye import load_eye
from aassl_ros.nodes.trainer_settings import TrainerSettings
from aassl_ros.ros.qos import LATEST, latched


def test_its_numbers_are_topics_and_its_weights_come_whole(
    ros: Any, stage: Any, start_node: Any, small_trainer: dict[str, Any], tmp_path: Path
) -> None:
    names = ("loss", "contrastive", "lr", "updates_per_s", "images_per_s", "replay_ratio", "buffer_fill",
             "share_update", "probe_accuracy")  # fmt: skip
    numbers: dict[str, list[float]] = {name: [] for name in names}
    for name, heard in numbers.items():
        stage.node.create_subscription(
            Float64, topics.metric_topic(name), lambda message, heard=heard: heard.append(message.data), 10
        )
    announced: list[dict[str, Any]] = []
    stage.node.create_subscription(
        String, topics.CHECKPOINT, lambda message: announced.append(json.loads(message.data)), LATEST
    )
    assembler, whole = WeightsAssembler(), {}

    def take(message: UInt8MultiArray) -> None:
        told = WeightsPart.parse(message.layout.dim[0].label)
        if (content := assembler.add(told, bytes(message.data))) is not None:
            whole[told.checkpoint] = content

    stage.node.create_subscription(UInt8MultiArray, topics.WEIGHTS, take, latched(1000))
    start_node("trainer", {**small_trainer, "run_dir": tmp_path / "run", "publish_weights": True, "save_seconds": 2.0,
                           "probe_seconds": 0.5})  # fmt: skip

    def kept() -> int:
        return int(stage.values("trainer").get("frames_kept", 0))

    for instance in ("lying_0000", "standing_0001", "lying_0002", "standing_0003"):
        stage.begin(instance)
        # The diagnostics come once a second, so the first new ones may still be of frames before.
        before = kept()
        ros.wait_for(lambda before=before: kept() > before, what="diagnostics")
        before = kept()
        ros.wait_for(lambda before=before: kept() > before, what=f"frames of {instance}")
    ros.wait_for(lambda: all(numbers.values()), what=f"all of {names}")
    ros.wait_for(lambda: any(one["digest"] in whole for one in announced), what="whole weights")
    news = next(one for one in announced if one["digest"] in whole)
    file = tmp_path / "received.safetensors"
    file.write_bytes(whole[news["digest"]])
    eye = load_eye(file)
    assert (eye.digest, eye.step) == (news["digest"], news["step"])
    assert numbers["lr"][-1] == TrainerSettings().lr
    assert 0 < numbers["buffer_fill"][-1] < 1
    assert 0 <= numbers["probe_accuracy"][-1] <= 1
    ros.wait_for(lambda: stage.values("trainer")["probe_categories"] == "2", what="both categories in the probe")


@pytest.mark.slow
def test_killed_and_started_again_it_goes_on_with_the_buffer_that_it_had_saved(
    ros: Any, stage: Any, start_node: Any, small_trainer: dict[str, Any], tmp_path: Path
) -> None:
    run, kept = tmp_path / "run", tmp_path / "kept"
    settings = {**small_trainer, "run_dir": run, "buffer_dir": kept, "save_seconds": 0.5}
    announced: list[dict[str, Any]] = []
    stage.node.create_subscription(
        String, topics.CHECKPOINT, lambda message: announced.append(json.loads(message.data)), LATEST
    )
    first = start_node("trainer", settings)
    stage.begin("lying_0000")
    ros.wait_for(lambda: len(announced) >= 2, what="two checkpoints")
    first.kill()
    first.wait()
    stage.silent = {"images", "joints"}  # what the second one trains on, the first one has left
    before, stage.heard = len(announced), {}
    second = start_node("trainer", {**settings, "checkpoint": run})
    ros.wait_for(lambda: len(announced) > before + 1, what="a checkpoint of the second trainer")
    assert announced[-1]["step"] > announced[before - 1]["step"]
    frames = ros.wait_for(lambda: stage.values("trainer").get("buffer_frames"), what="its diagnostics")
    assert int(frames) >= small_trainer["min_frames"]
    second.terminate()
    assert "restored" in second.communicate(timeout=120)[0]
