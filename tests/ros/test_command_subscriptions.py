"""Commands of a joint group come from its topic, and from the copies of trajectories that were sent as goals."""

from __future__ import annotations

from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.commands import Command
from aassl_ros.ros.command_subscriptions import CommandSubscriptions


def test_copies_of_goals_are_commands_of_their_topic_like_messages_on_it(ros):
    node = ros.node()
    taken: list[tuple[str, Command]] = []
    subscriptions = CommandSubscriptions(
        node,
        {"arm": "controller/joint_trajectory"},
        {},
        10,
        take=lambda topic, command: taken.append((topic, command)),
        refused=lambda why: None,
    )
    for name in ("/controller/joint_trajectory", topics.goals_topic("/controller/joint_trajectory")):
        publisher = node.create_publisher(JointTrajectory, name, 10)
        ros.wait_for(lambda publisher=publisher: publisher.get_subscription_count() == 1, what="the subscription")
        publisher.publish(JointTrajectory(joint_names=[name[1:]], points=[JointTrajectoryPoint(positions=[0.5])]))
    ros.wait_for(lambda: len(taken) == 2, what="both commands")
    assert [topic for topic, _ in taken] == ["/controller/joint_trajectory"] * 2
    subscriptions.stop()
    assert node.count_subscribers(topics.goals_topic("/controller/joint_trajectory")) == 0


def test_the_action_beside_a_topic_is_that_of_the_same_controller():
    assert topics.action_beside("/left/my_controller/joint_trajectory") == "/left/my_controller/follow_joint_trajectory"
    assert topics.action_beside("/commands") == ""
