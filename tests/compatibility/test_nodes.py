"""Nodes keep their parameters, topics and services, take old parameter files, and continue old runs."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.ros_environment import prepare_environment

CONFIG = Path(__file__).parent / "artefacts" / "config"
INTENDED: dict[str, str] = {
    "trainer/parameters/checkpoint": "training starts from pretrained weights; empty still means new ones",
    **{
        f"trainer/parameters/{name}": "that of aassl train --adapt, because training starts from pretrained weights"
        for name in ("batch", "lr", "crop_minimum", "action_temperature")
    },
    "evaluator/parameters/checkpoint": "answers begin at once; empty still means to wait for the trainer",
    "trainer/parameters/nice": "it counts now: nodes share a session, and 10 left the trainer next to nothing",
    "evaluator/parameters/classifier": "auto chooses the one that names most objects left out",
}
"""Changes that were meant, as "trainer/parameters/batch" or "recorder/serves/recorder/split", with the reason."""
RECORDED = ("/camera/image_raw", "/joint_states", "/joint_trajectory_controller/joint_trajectory", "/episode",
            "/simulator/truth/object_pose", "/robot_description")  # fmt: skip


@pytest.fixture
def domain() -> Iterator[None]:
    prepare_environment()
    with own_domain():
        yield


@pytest.fixture
def graph(interface: ModuleType, domain: None) -> Iterator[Any]:
    looker = interface.Graph()
    yield looker
    looker.close()


def test_every_node_has_its_parameters_topics_and_services(
    interface: ModuleType, interface_then: Any, unpacked: Path, domain: None
) -> None:
    now, wrong = interface.nodes(unpacked / "gallery", interface_then["nodes"]), []
    for node, then in interface_then["nodes"].items():
        reported = {"parameters": (then["parameters"], now[node]["parameters"])}
        reported |= {kind: (names, now[node]["ends"][kind]) for kind, names in then["ends"].items()}
        for kind, (old, new) in reported.items():
            lost = [name for name, value in old.items() if name not in new or new[name] != value]
            wrong += [f"{node}/{kind}/{name.lstrip('/')}: {old[name]!r}, now {new.get(name)!r}" for name in lost]
    assert [line for line in wrong if line.split(":")[0] not in INTENDED] == []


@pytest.mark.slow
def test_old_parameter_files_work_and_an_old_run_continues_on_an_old_bag(
    interface: ModuleType, graph: Any, unpacked: Path, tmp_path: Path
) -> None:
    """One start of every node serves both: trainer and evaluator hear the bag, the others are elsewhere."""
    run = tmp_path / "run"
    shutil.copytree(unpacked / "run_online", run, symlinks=True)
    begun = json.loads((run / "checkpoint" / "checkpoint.json").read_text())["step"]
    hearing = {
        "trainer": [*old_files("trainer"), *given(run_dir=run, device="cpu", min_frames=12, min_episodes=2),
                    *given(save_seconds=1.0, updates_per_second=5.0)],
        "evaluator": [*old_files("evaluator"), *given(checkpoint=run / "checkpoint", gallery=unpacked / "gallery")],
    }  # fmt: skip
    elsewhere = {node: old_files(node) for node in ("simulator", "explorer", "recorder")}
    with (
        interface.started(tmp_path, hearing),
        interface.started(tmp_path, elsewhere, namespace="elsewhere"),
    ):
        received: dict[str, list[dict[str, Any]]] = {"evaluator/answer": [], "trainer/checkpoint": []}
        for topic, messages in received.items():
            graph.hear_json(topic, messages)
        replay(unpacked / "bag_sqlite3", graph, received["evaluator/answer"])
        graph.wait_for(
            lambda: any(said["step"] > begun for said in received["trainer/checkpoint"]),
            "a checkpoint that learned more",
        )
        for node, words in {**hearing, **elsewhere}.items():
            values = graph.parameters(node, "" if node in hearing else "/elsewhere")
            wanted = values_of(words)
            assert {name: values.get(name) for name in wanted} == wanted
    labels = json.loads((unpacked / "gallery" / "labels.json").read_text())["labels"]
    assert received["evaluator/answer"]
    assert {said["label"] for said in received["evaluator/answer"]} <= set(labels)


def old_files(node: str) -> list[str]:
    """A node's arguments for its parameter file, and for the demo's over it."""
    files = [CONFIG / f"{node}.yaml", CONFIG / "demo" / f"{node}.yaml"]
    return [word for file in files if file.exists() for word in ("--params-file", str(file))]


def given(**parameters: Any) -> list[str]:
    return [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]


def values_of(words: list[str]) -> dict[str, Any]:
    """What the parameter files among the words say, later ones over earlier ones, without what is given beside them."""
    values: dict[str, Any] = {}
    for word, value in pairwise(words):
        if word == "--params-file":
            (node,) = yaml.safe_load(Path(value).read_text(encoding="utf-8")).values()
            values |= node["ros__parameters"]
    return {name: value for name, value in values.items() if not any(word.startswith(f"{name}:=") for word in words)}


def replay(bag: Path, graph: Any, answers: list[dict[str, Any]]) -> None:
    """Publish what the trainer and the evaluator hear of a bag, each frame once the one before it is answered."""
    with AnyReader([bag], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        connections = [connection for connection in reader.connections if connection.topic in RECORDED]
        publishers = {}
        for connection in connections:
            package, _, name = connection.msgtype.split("/")
            kind = getattr(importlib.import_module(f"{package}.msg"), name)
            latched = connection.topic in ("/episode", "/robot_description")
            publishers[connection.topic] = graph.publisher(kind, connection.topic, latched=latched)
        graph.wait_for(
            lambda: all(publisher.get_subscription_count() for publisher in publishers.values()), "everybody to hear"
        )
        graph.wait_for(lambda: publishers["/camera/image_raw"].get_subscription_count() == 2, "two who hear frames")
        for connection, _, data in reader.messages(connections):
            before = len(answers)
            publishers[connection.topic].publish(bytes(data))
            if connection.topic == "/camera/image_raw":
                graph.spin_until(lambda count=before: len(answers) > count, 1.0)
