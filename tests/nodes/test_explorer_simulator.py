"""The explorer and the simulator, as two processes in simulated time: each object is shown from many sides."""

from __future__ import annotations

import json

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.episodes import EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.messages import pose_from_message, stamp_ns
from aassl_ros.motion import rotations
from aassl_ros.motion.arms import load_arm
from aassl_ros.ros.qos import LATCHED

SECOND = 1_000_000_000


class Witness:
    """Records the messages of the two processes."""

    def __init__(self, node) -> None:
        self.joints: list[tuple[int, JointState]] = []
        self.poses: list[tuple[int, np.ndarray]] = []
        self.episodes = EpisodeTracker()
        self.answers: list[dict] = []
        node.create_subscription(JointState, topics.JOINT_STATES, self._on_joints, 2000)
        node.create_subscription(PoseStamped, topics.OBJECT_POSE, self._on_pose, 2000)
        node.create_subscription(String, topics.EPISODE, self._on_episode, LATCHED)
        node.create_subscription(
            String,
            topics.SIMULATOR_OBJECT_STATE,
            lambda message: self.answers.append(json.loads(message.data)),
            LATCHED,
        )

    def _on_joints(self, message: JointState) -> None:
        self.joints.append((stamp_ns(message.header.stamp), message))

    def _on_pose(self, message: PoseStamped) -> None:
        self.poses.append((stamp_ns(message.header.stamp), pose_from_message(message)))

    def _on_episode(self, message: String) -> None:
        self.episodes.add(EpisodeEvent.parse(message.data))


@pytest.mark.parametrize(
    "name", ["panda", pytest.param("iiwa", marks=pytest.mark.slow), pytest.param("xarm6", marks=pytest.mark.slow)]
)
def test_each_object_is_shown_from_many_sides_within_the_arms_limits(ros, start_node, name):
    arm, seen = load_arm(name), Witness(ros.node())
    start_node("simulator", {"arm": name, "image_size": 64})
    # Messages of the first episode are lost if the simulator is discovered only then.
    ros.wait_for(lambda: seen.joints, what="joint states")
    objects = ["train:mug_0003", "test:bowl_0001"]
    explorer = start_node(
        "explorer",
        {"arm": name, "objects": objects, "episode_seconds": 2.0, "exit_when_done": True, "use_sim_time": True},
    )
    ros.wait_for(lambda: explorer.poll() is not None, timeout_s=120, what="the explorer to end")
    assert explorer.returncode == 0, explorer.communicate()[0]

    ros.wait_for(lambda: [one for one in seen.episodes.episodes if one.stop_ns][1:], what="the last event")
    episodes = seen.episodes.episodes
    assert [(one.set, one.instance, one.category) for one in episodes] == [
        ("train", "mug_0003", "mug"),
        ("test", "bowl_0001", "bowl"),
    ]
    first_frames = {answer["instance"]: answer["stamp"] for answer in seen.answers}
    for episode in episodes:
        assert episode.start_ns == first_frames[episode.instance]
        assert episode.stop_ns - episode.start_ns == 2 * SECOND
        turns = np.stack([pose[3:] for stamp, pose in seen.poses if episode.holds(stamp)])
        assert len(turns) > 20
        assert np.degrees(rotations.angle_between(turns[:, None], turns[None]).max()) > 30
    positions = np.stack(
        [[message.position[message.name.index(joint)] for joint in arm.joints] for _, message in seen.joints]
    )
    assert np.all(positions >= arm.position_limits[:, 0] - 0.02)
    assert np.all(positions <= arm.position_limits[:, 1] + 0.02)
    tips = arm.chain().forward(positions)[:, :3]
    assert np.all(tips >= arm.box_limits[:, 0] - 0.005)
    assert np.all(tips <= arm.box_limits[:, 1] + 0.005)


def test_without_a_list_of_objects_the_whole_catalogue_is_handled_for_training_and_testing(ros, start_node):
    seen = Witness(ros.node())
    start_node("simulator", {"image_size": 32})
    start_node("explorer", {"episode_seconds": 0.3, "use_sim_time": True})
    ros.wait_for(lambda: len(seen.episodes.episodes) >= 4, timeout_s=120, what="four episodes")
    handled = seen.episodes.episodes[:4]
    assert len({episode.instance for episode in handled}) == 4
    assert len({episode.category for episode in handled}) == 2
    assert {episode.set for episode in handled} == {"train", "test"}


def test_for_an_unknown_object_the_explorer_exits_with_the_simulators_error(ros, start_node):
    start_node("simulator", {"image_size": 32})
    explorer = start_node("explorer", {"objects": ["train:dragon_0001"], "use_sim_time": True})
    ros.wait_for(lambda: explorer.poll() is not None, timeout_s=120, what="the explorer to end")
    assert explorer.returncode == 1
    assert "the simulator cannot show dragon_0001: no category 'dragon'" in explorer.communicate()[0]
