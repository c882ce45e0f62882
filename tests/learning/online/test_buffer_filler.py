"""Live streams become a replay buffer: samples of our sets are kept, all else is counted."""

from __future__ import annotations

import json
import uuid
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.pairs.window import Window
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.learning.online.buffer_filler import BufferFiller, BufferFillerSettings
from aassl_ros.learning.online.live_buffer import LiveBuffer
from aassl_ros.motion.arms import load_arm

JOINT_NS = 10_000_000
JOINTS = ("shoulder", "wrist")


def test_frames_of_an_episode_are_kept_with_joints_and_pose_at_their_stamp(intake: BufferFiller, make_arm: Any) -> None:
    make_arm(intake).handle("lying_0000", frames=30)
    buffer = intake.buffer
    assert buffer is not None
    assert len(buffer) == 30
    assert buffer.joint_names == JOINTS
    np.testing.assert_allclose(buffer.joint_position[:30, 0], np.sin(buffer.stamps_ns[:30] * 1e-9), atol=1e-4)
    assert np.isfinite(buffer.object_pose[:30]).all()
    assert intake.instances == {"lying_0000"}


def test_frames_between_episodes_are_counted_not_kept(intake: BufferFiller, make_arm: Any) -> None:
    arm = make_arm(intake)
    arm.wait(10)
    arm.handle("lying_0000", frames=30)
    assert (intake.counts.kept, intake.counts.frames) == (30, 60)
    assert intake.counts.outside_episodes >= 10


def test_test_and_disjoint_episodes_are_left_alone_and_counted(intake: BufferFiller, make_arm: Any) -> None:
    arm = make_arm(intake)
    arm.handle("lying_0000", instance_set="test")
    arm.handle("lying_0001", instance_set="disjoint")
    assert intake.buffer is None
    assert intake.counts.left_alone == {"test": 30, "disjoint": 30}
    assert intake.instances == frozenset()


def test_a_late_episode_event_still_gets_its_first_frames(intake: BufferFiller, make_arm: Any) -> None:
    arm = make_arm(intake)
    started_ns = arm.now_ns
    arm.wait(8)
    event = {"id": str(uuid.uuid4()), "event": "start", "stamp": started_ns, "instance": "lying_0000", "set": "train"}
    intake.add_episode(json.dumps(event))
    arm.wait(30)
    assert intake.buffer is not None
    assert intake.buffer.stamps_ns[0] == started_ns + 3_000_000


def test_a_discarded_episode_is_never_drawn_again(make_arm: Any) -> None:
    intake = BufferFiller(BufferFillerSettings(), SyncSettings(), 32)
    arm = make_arm(intake)
    arm.tell("discard", arm.handle("lying_0000"))
    arm.handle("standing_0001")
    assert intake.buffer is not None
    pairs = intake.buffer.sample(20, Window(), None, np.random.default_rng(0))
    assert not (pairs.first == intake.buffer.frames[0]).all(axis=(1, 2, 3)).any()
    with pytest.raises(Exception, match="only 30 of 60"):
        intake.buffer.sample(31, Window(), None, np.random.default_rng(0))


def test_bad_input_is_counted_and_other_input_is_used(intake: BufferFiller, make_arm: Any) -> None:
    arm = make_arm(intake)
    arm.wait(5)
    intake.add_frame(arm.now_ns, np.zeros((100, 90, 3), np.uint8))
    intake.add_object_pose(arm.now_ns, np.full(7, np.nan))
    intake.add_joint_state(arm.now_ns, JOINTS, [np.nan, np.nan], [], [])
    intake.add_joint_state(1, JOINTS, [0, 0], [], [])
    intake.add_frame(1, np.zeros((100, 90, 3), np.uint8))
    intake.add_episode("no json")
    intake.add_episode(json.dumps({"id": str(uuid.uuid4()), "event": "stop", "stamp": 5}))
    arm.wait(1)
    arm.handle("lying_0000", frames=30)
    report = intake.report()
    assert "bad: image of another size than the first" not in report  # they belong to no episode
    assert report["bad: object pose not finite"] == 1
    assert report["bad: episode event refused"] == 2
    assert report["joint_states_dropped"] == 2
    assert report["without sample: stamp went backward"] == 1
    assert intake.counts.kept == 30


def test_joints_that_appear_later_do_not_change_what_is_kept(intake: BufferFiller, make_arm: Any) -> None:
    arm = make_arm(intake)
    arm.handle("lying_0000")
    for place in range(3):
        intake.add_joint_state(arm.now_ns + place, ("gripper",), [0.0], [], [])
    arm.handle("lying_0001")
    assert intake.buffer is not None
    assert intake.buffer.joint_names == JOINTS


def test_the_tips_pose_is_computed_once_the_arm_is_known() -> None:
    arm = load_arm("panda")
    chain = arm.chain()
    intake = BufferFiller(BufferFillerSettings(), SyncSettings(), 32, base_link=arm.base_link, tip_link=arm.tip_link)
    assert intake.add_robot_description(arm.urdf_path().read_text(encoding="utf-8")) == ""
    intake.add_episode(
        json.dumps({"id": str(uuid.uuid4()), "event": "start", "stamp": 0, "instance": "lying_0000", "set": "train"})
    )
    for place in range(40):
        intake.add_joint_state(place * JOINT_NS, arm.joints, arm.home, [], [])
        intake.add_frame(place * JOINT_NS + 1, np.zeros((32, 32, 3), np.uint8))
    intake.flush()
    assert intake.buffer is not None
    assert len(intake.buffer) == 39  # the last frame has no joint state after it
    np.testing.assert_allclose(intake.buffer.tip_pose[0], chain.forward(arm.home))


def test_frames_after_a_clock_that_was_set_back_belong_to_no_episode_of_before(
    intake: BufferFiller, make_arm: Any
) -> None:
    arm = make_arm(intake)
    arm.handle("lying_0000", frames=90)
    arm.now_ns = 1_500_000_000  # a simulator started again
    arm.wait(30)
    kept = intake.counts.kept
    assert kept <= 90
    assert intake.report()["clock_restarts"] == 1
    arm.handle("standing_0001", frames=30)
    assert intake.counts.kept == kept + 30
    assert intake.instances == {"lying_0000", "standing_0001"}


def test_two_robots_fill_one_buffer_and_no_pair_crosses_them(make_arm: Any) -> None:
    live = LiveBuffer(BufferFillerSettings(), 32)
    left, right = (BufferFiller(BufferFillerSettings(), SyncSettings(), 32, robot=r, live=live) for r in ("l", "r"))
    arms = make_arm(left), make_arm(right)
    for arm, instance in zip(arms, ("lying_0000", "standing_0001"), strict=True):
        arm.tell("start", str(uuid.uuid4()), instance=instance, category=instance.split("_")[0], set="train")
    for _ in range(30):
        for arm, category in zip(arms, ("lying", "standing"), strict=True):
            arm.wait(1, category)
    buffer = live.buffer
    assert buffer is left.buffer is right.buffer
    assert live.instances == left.instances == {"lying_0000", "standing_0001"}
    assert {entry.robot for entry in buffer.episodes.values()} == {"l", "r"}
    assert left.counts.kept == right.counts.kept == len(buffer) // 2
    pairs = buffer.draw(len(buffer), Window(), None, np.random.default_rng(0))
    np.testing.assert_array_equal(buffer.lane[pairs.first], buffer.lane[pairs.second])
    np.testing.assert_array_equal(buffer.episode_of[pairs.first], buffer.episode_of[pairs.second])
    assert np.isfinite(buffer.joint_position[: len(buffer)]).all()
