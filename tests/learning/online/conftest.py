"""Live streams by a clock of their own: an arm and its camera, fed to an intake."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import numpy as np
import pytest

from aassl_ros.benchmarks.patterns import CATEGORIES, draw_pattern
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.learning.online.buffer_filler import BufferFiller, BufferFillerSettings

FRAME_NS, JOINT_NS = 33_333_333, 10_000_000
JOINTS = ("shoulder", "wrist")


class Arm:
    """Feeds an intake what an arm and its camera would publish, by a clock of its own."""

    def __init__(self, intake: BufferFiller, *, with_pose: bool = True) -> None:
        self.intake, self.with_pose = intake, with_pose
        self.now_ns = 1_000_000_000
        self.rng = np.random.default_rng(0)

    def wait(self, frames: int, category: str = "lying") -> None:
        """Let so many frames pass, with three joint states and, if it is known, a pose to each."""
        for _ in range(frames):
            for place in range(3):
                stamp_ns = self.now_ns + place * JOINT_NS
                angle = stamp_ns * 1e-9
                self.intake.add_joint_state(stamp_ns, JOINTS, [np.sin(angle), np.cos(angle)], [], [])
            angle = self.rng.normal()
            if self.with_pose:
                pose = np.array([0, 0, 0.5, 0, 0, np.sin(angle), np.cos(angle)])
                self.intake.add_object_pose(self.now_ns + 3_000_000, pose)
            self.intake.add_frame(self.now_ns + 3_000_000, draw_pattern(category, 48, self.rng.random(), self.rng))
            self.intake.settle()
            self.now_ns += FRAME_NS

    def tell(self, event: str, id: str, **facts: str) -> None:
        self.intake.add_episode(json.dumps({"id": id, "event": event, "stamp": self.now_ns, **facts}))

    def handle(self, instance: str, *, frames: int = 30, instance_set: str = "online") -> str:
        """One whole episode, then 20 frames of nothing; its id."""
        id = str(uuid.uuid4())
        category = instance.split("_")[0]
        self.tell("start", id, instance=instance, category=category, set=instance_set)
        self.wait(frames, category)
        self.tell("stop", id)
        self.wait(20)
        return id


MakeArm = Callable[..., Arm]


@pytest.fixture
def intake() -> BufferFiller:
    return BufferFiller(BufferFillerSettings(), SyncSettings(), 32)


@pytest.fixture
def make_arm() -> MakeArm:
    """make_arm(intake) is an arm whose streams the intake hears."""
    return Arm


@pytest.fixture
def filled() -> Callable[..., BufferFiller]:
    """filled(episodes=4, frames=30, with_pose=True) is a buffer filler that has received so many messages."""

    def fill(episodes: int = 4, frames: int = 30, *, with_pose: bool = True) -> BufferFiller:
        intake = BufferFiller(BufferFillerSettings(), SyncSettings(), 32)
        arm = Arm(intake, with_pose=with_pose)
        for number in range(episodes):
            arm.handle(f"{CATEGORIES[number % 3]}_{number:04d}", frames=frames)
        return intake

    return fill
