"""Every example runs as its docstring says, only shorter, and each says what it teaches and how to run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.bags import BagWriter
from aassl_ros.data.prepared import PreparedData
from aassl_ros.data.streams import messages, to_square
from aassl_ros.learning.encoders import Backbone, EncoderSettings, build_encoder, load_backbone, save_backbone
from aassl_ros.motion.arms import load_arm
from aassl_ros.ros.conversions import image_message, time_message
from aassl_ros.sim.world import World

EXAMPLES = Path(__file__).parents[2] / "examples"
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return write_synthetic(tmp_path_factory.mktemp("data") / "data", episodes=8, frames=40, image_size=32)


def run(name: str, *words: object) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_says_what_it_teaches_and_how_to_run_it() -> None:
    names = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert {"own_training_loop.py", "own_objective.py", "read_a_bag.py", "own_arm.yaml", "live_embedding.py"} <= names
    page = (EXAMPLES.parent / "docs" / "extending.md").read_text(encoding="utf-8")
    for name in names:
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        assert "Teaches:" in text, name
        assert "Run" in text, name
        assert f"../examples/{name}" in page, name
        assert Path(__file__).read_text(encoding="utf-8").count(f'"{name}"') > 1, f"{name} is not run here"


def test_the_own_training_loop_learns_and_its_encoder_is_a_backbone(data: PreparedData, tmp_path: Path) -> None:
    out = tmp_path / "encoder.safetensors"
    said = run("own_training_loop.py", data.path, "-o", out, "--epochs", 4, "--batch", 32, "--width", 8)
    losses = [float(line.split()[3]) for line in said.splitlines()]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    backbone = load_backbone(out)
    assert backbone.method == "own_loop"
    assert backbone.instances == data.instances(("train",))


def test_the_own_objective_trains_and_its_run_is_exported(data: PreparedData, tmp_path: Path) -> None:
    words = ("--method", "aa_uniformity", "--epochs", 1, "--batch", 32, "--width", 4)
    run("own_objective.py", "train", data.path, "-o", tmp_path / "run", *words)
    reported = run("own_objective.py", "export", tmp_path / "run", "-o", tmp_path / "own.safetensors", "--json")
    assert json.loads(reported)["method"] == "aa_uniformity"


def test_a_bag_is_read_frame_by_frame(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    write_bag(bag)
    said = run("read_a_bag.py", bag)
    assert "topic /camera/image_raw: 5 of sensor_msgs/msg/Image" in said
    assert "episode mug_0001 (mug) of the set train" in said
    frames = [line for line in said.splitlines() if line.startswith("frame ")]
    # The first frame comes before any joint state. Joint a goes from 1 to 1.5 rad in half a second.
    assert [line.split(": ")[1] for line in frames] == [f"a {at:.3f}; no command yet" for at in (1.1, 1.2, 1.3, 1.4)]


def write_bag(path: Path) -> None:
    """5 frames, the joint states around all but the first, and one episode."""
    types = messages.typestore().types
    event = {"id": "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11", "stamp": SECOND, "event": "start", "set": "train"}
    episode = messages.encode_string(json.dumps({**event, "instance": "mug_0001", "category": "mug"}))
    found = [(SECOND, "/episode", messages.STRING, episode)]
    for stamp in range(SECOND, 3 * SECOND // 2 + 1, SECOND // 50):
        state = messages.encode_joint_state(stamp, ["a"], [stamp / SECOND])
        found.append((stamp, "/joint_states", messages.JOINT_STATE, state))
    for stamp in (SECOND // 2, *range(11 * SECOND // 10, 3 * SECOND // 2, SECOND // 10)):
        time = types["builtin_interfaces/msg/Time"](sec=stamp // SECOND, nanosec=stamp % SECOND)
        header = types["std_msgs/msg/Header"](stamp=time, frame_id="camera")
        pixels = np.zeros(8 * 8 * 3, np.uint8)
        image = types[messages.IMAGE](
            header=header, height=8, width=8, encoding="rgb8", is_bigendian=0, step=24, data=pixels
        )
        found.append((stamp, "/camera/image_raw", messages.IMAGE, messages.encode(image, messages.IMAGE)))
    with BagWriter(path) as writer:
        for stamp, topic, kind, data in sorted(found):
            writer.add_topic(topic, kind)
            writer.write(topic, stamp, stamp, data)


def test_the_own_arm_can_be_simulated() -> None:
    arm = load_arm(EXAMPLES / "own_arm.yaml")
    assert arm.name == "own_arm"
    with World(arm) as world:
        assert world.set_object("mug_0003", np.random.default_rng(0)) is not None


def test_live_images_are_embedded_over_dds(ros: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings = EncoderSettings(encoder="resnet18", width=4, image_size=32)
    backbone = Backbone(build_encoder(settings).eval(), settings, "half")
    save_backbone(backbone, tmp_path / "encoder.safetensors")
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)

    command = [sys.executable, str(EXAMPLES / "live_embedding.py"), str(tmp_path / "encoder.safetensors")]
    words = ["--topic", "left/image_raw", "--frames", "3"]
    process = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True)
    try:
        node = ros.node()
        publisher = node.create_publisher(Image, "left/image_raw", 10)
        stamps: list[int] = []

        def publish() -> None:
            stamps.append(SECOND + len(stamps))
            publisher.publish(image_message(frame, Header(stamp=time_message(stamps[-1]))))

        node.create_timer(0.1, publish)
        ros.wait_for(lambda: process.poll() is not None, what="the example to end")
    finally:
        process.kill()
    assert process.stdout is not None
    reported = [json.loads(line) for line in process.stdout]
    assert process.wait() == 0
    assert len(reported) == 3
    assert {line["stamp_ns"] for line in reported} <= set(stamps)
    with torch.inference_mode():
        expected = backbone.encoder(backbone.plain(torch.from_numpy(to_square(frame, 32))[None]))[0].numpy()
    for line in reported:
        np.testing.assert_allclose(line["features"], expected, rtol=1e-4, atol=1e-5)
