"""An encoder travels from a trainer to an evaluator on another machine: as messages, without shared memory or disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from std_msgs.msg import String, UInt8MultiArray

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import CheckpointNews
from aassl_ros.data.streams.weight_parts import cut
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.checkpoints.to_backbone import backbone_of
from aassl_ros.learning.encoders.backbone import backbone_file
from aassl_ros.learning.online.status import Saved
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import save_checkpoint
from aassl_ros.nodes.trainer_weights import WeightsSender, weights_message
from aassl_ros.ros.qos import LATEST, latched

pytest.importorskip("vision_msgs.msg")

UDP_ONLY = """<?xml version="1.0" encoding="UTF-8" ?>
<profiles xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles">
  <transport_descriptors>
    <transport_descriptor><transport_id>udp</transport_id><type>UDPv4</type></transport_descriptor>
  </transport_descriptors>
  <participant profile_name="udp_only" is_default_profile="true">
    <rtps>
      <userTransports><transport_id>udp</transport_id></userTransports>
      <useBuiltinTransports>false</useBuiltinTransports>
    </rtps>
  </participant>
</profiles>
"""


@pytest.fixture(autouse=True)
def udp_only(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast DDS as between two machines. It comes before every other fixture of a test."""
    profile = tmp_path_factory.mktemp("dds") / "udp_only.xml"
    profile.write_text(UDP_ONLY)
    for variable in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        monkeypatch.setenv(variable, str(profile))


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str, int], Saved]:
    """saved("name", seed) is a checkpoint of an encoder of 11 MB."""

    def make(name: str, seed: int) -> Saved:
        settings = LearnerSettings(method="simclr", width=32, image_size=32, seed=seed, device="cpu", batch=16)
        learner = Learner(settings)
        learner.steps = seed
        path = save_checkpoint(tmp_path / name, learner, Provenance(None, None, ()))
        return Saved(path, load_checkpoint(path).digest, seed)

    return make


def messages_of(saved: Saved) -> list[UInt8MultiArray]:
    content = backbone_file(backbone_of(load_checkpoint(saved.path)))
    return [
        weights_message(told, piece)
        for told, piece in cut(content, checkpoint=saved.digest, step=saved.step, sender="by hand")
    ]


def test_an_evaluator_that_cannot_read_the_path_gets_the_weights_also_late_and_only_whole_ones_are_used(
    ros: Any, request: pytest.FixtureRequest, start_node: Any, saved: Any, gallery_data: Path, tmp_path: Path
) -> None:
    stage = request.getfixturevalue("stage")
    answered_by: list[str] = []
    stage.node.create_subscription(
        String, topics.ANSWER, lambda message: answered_by.append(json.loads(message.data)["checkpoint"]), 10
    )
    announcements = stage.node.create_publisher(String, topics.CHECKPOINT, LATEST)

    def announce(one: Saved) -> None:
        announcements.publish(String(data=CheckpointNews("/not/on/this/machine", one.digest, one.step).to_json()))

    # A late evaluator: everything was sent before it was started.
    first = saved("first", 1)
    sender = WeightsSender(stage.node, pytest.fail)
    sender.send(first)
    ros.wait_for(lambda: sender._publisher is not None and not sender._waiting, what="all parts to be sent")
    announce(first)
    folder = tmp_path / "received"
    parameters = {"checkpoint": "", "gallery": gallery_data, "device": "cpu", "worse_by": 1.0, "taught": ""}
    start_node("evaluator", {**parameters, "weights_folder": folder})
    ros.wait_for(lambda: answered_by and answered_by[-1] == first.digest, what="answers by the first encoder")
    values = ros.wait_for(
        lambda: stage.values("evaluator").get("step") == "1" and stage.values("evaluator"), what="its step"
    )
    assert (values["weights_received"], values["failed_loads"]) == ("1", "0")
    sender.stop()

    # A damaged part: counted and told, and the old encoder stays.
    second, third, fourth = saved("second", 2), saved("third", 3), saved("fourth", 4)
    publisher = stage.node.create_publisher(UInt8MultiArray, topics.WEIGHTS, latched(200))
    ros.wait_for(lambda: publisher.get_subscription_count() == 1, what="the evaluator")
    damaged = messages_of(second)
    damaged[5].data[1000] ^= 1
    for message in damaged:
        publisher.publish(message)
    ros.wait_for(lambda: stage.values("evaluator")["weights_damaged"] == "1", what="the damaged part")
    ros.wait_for(lambda: "part 6 of" in stage.values("evaluator")["message"], what="the complaint")
    so_far = len(answered_by)
    ros.wait_for(lambda: len(answered_by) > so_far + 5, what="further answers")
    assert set(answered_by[so_far:]) == {first.digest}

    # Two versions in turn: the newer one is used, and the older one never after it.
    for one, other in zip(messages_of(third), messages_of(fourth), strict=True):
        publisher.publish(other)
        publisher.publish(one)
    ros.wait_for(lambda: answered_by[-1] == fourth.digest, what="answers by the newer encoder")
    so_far = len(answered_by)
    ros.wait_for(lambda: len(answered_by) > so_far + 10, what="further answers")
    assert set(answered_by[so_far:]) == {fourth.digest}
    ros.wait_for(lambda: int(stage.values("evaluator")["weights_incomplete"]) >= 1, what="the count of the third")
    assert second.digest not in answered_by
    assert len(list(folder.glob("*.safetensors"))) <= 2
