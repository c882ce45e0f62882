"""An arm and its camera for the live nodes: real topics, images of stripes, wall-clock time."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header, String

from aassl_ros.benchmarks.patterns import draw_pattern, write_patterns
from aassl_ros.data.interfaces import topics
from aassl_ros.learning.checkpoints.checkpoint import Provenance
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import save_checkpoint
from aassl_ros.ros import conversions
from aassl_ros.ros.qos import LATCHED


class Stage:
    """Publishes joint states at 100 Hz and frames at 33 Hz of the category in `shown`, and marks episodes.

    silent: of "images" and "joints", those that are not published now. shift_ns: added to the clock of all stamps.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.shown = "lying"
        self.size = 48
        self.sent_frames = 0
        self.silent: set[str] = set()
        self.shift_ns = 0
        self.heard: dict[str, dict[str, str]] = {}
        self._rng = np.random.default_rng(0)
        self._turn = 0
        self.images = node.create_publisher(Image, topics.image_topic("camera"), 10)
        self.joints = node.create_publisher(JointState, topics.JOINT_STATES, 50)
        self.poses = node.create_publisher(PoseStamped, topics.OBJECT_POSE, 10)
        self.episodes = node.create_publisher(String, topics.EPISODE, LATCHED)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        node.create_timer(0.01, self._tick)

    def now_ns(self) -> int:
        return int(self.node.get_clock().now().nanoseconds) + self.shift_ns

    def tell(self, event: str, id: str, **facts: str) -> None:
        message = json.dumps({"id": id, "event": event, "stamp": self.now_ns(), **facts})
        self.episodes.publish(String(data=message))

    def begin(self, instance: str, instance_set: str = "online") -> str:
        """Show another object and begin an episode with it."""
        id = str(uuid.uuid4())
        self.shown = instance.split("_")[0]
        self.tell("start", id, instance=instance, category=self.shown, set=instance_set)
        return id

    def picture(self) -> Image:
        header = Header(stamp=conversions.time_message(self.now_ns()), frame_id="camera_optical_frame")
        return conversions.image_message(draw_pattern(self.shown, self.size, self._rng.random(), self._rng), header)

    def values(self, node: str) -> dict[str, str]:
        """The newest diagnostics of a node, its line under "message"; empty before any."""
        return self.heard.get(node, {})

    def _tick(self) -> None:
        self._turn += 1
        header = Header(stamp=conversions.time_message(self.now_ns()))
        angle = self.now_ns() * 1e-9
        if "joints" not in self.silent:
            self.joints.publish(JointState(header=header, name=["wrist"], position=[float(np.sin(angle))]))
        if self._turn % 3 == 0 and "images" not in self.silent:
            image = self.picture()
            pose = PoseStamped(header=image.header)
            turn = self._rng.normal()
            pose.pose.position.z = 0.5
            pose.pose.orientation.z, pose.pose.orientation.w = float(np.sin(turn)), float(np.cos(turn))
            self.poses.publish(pose)
            self.images.publish(image)
            self.sent_frames += 1

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            self.heard[status.hardware_id] = {**values, "message": status.message}


@pytest.fixture
def stage(ros: Any) -> Stage:
    return Stage(ros.node("stage"))


@pytest.fixture
def make_stage() -> type[Stage]:
    """make_stage(node): an arm and its camera in the namespace of the node."""
    return Stage


@pytest.fixture
def small_trainer() -> dict[str, Any]:
    """Parameters of a trainer node that begins at once and makes quick updates."""
    return {"checkpoint": "none", "width": 8, "image_size": 32, "batch": 16, "device": "cpu", "min_frames": 30,
            "min_episodes": 1, "normalisation_frames": 40, "episode_delay_s": 0.2, "nice": 0}  # fmt: skip


@pytest.fixture(scope="session")
def gallery_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data of three categories of stripes."""
    return write_patterns(tmp_path_factory.mktemp("gallery") / "data", frames=30).path


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """make_checkpoint("name", seed=1) writes one of a small encoder; returns its folder."""

    def make(name: str, seed: int = 0) -> Path:
        settings = LearnerSettings(method="simclr", width=8, image_size=32, seed=seed, device="cpu", batch=16)
        return save_checkpoint(tmp_path / name, Learner(settings), Provenance(None, None, ()))

    return make
