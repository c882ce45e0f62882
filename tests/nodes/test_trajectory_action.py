"""Trajectories as goals of the controller's action, between processes: accepted, rejected, aborted, recorded."""

from __future__ import annotations

import numpy as np
import pytest
from arm_watcher import ARM, PATIENCE_S, REAL, Watcher, said_by
from control_msgs.action import FollowJointTrajectory
from rcl_interfaces.msg import Log
from rclpy.action import ActionClient, ActionServer, GoalResponse
from rosbags.highlevel import AnyReader
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.data.interfaces import topics
from aassl_ros.motion.goals import ABORTED, CANCELED, SUCCEEDED
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.ros.conversions import trajectory_message
from aassl_ros.ros.qos import latched

ACTION = "/joint_trajectory_controller/follow_joint_trajectory"
TOPIC = "/joint_trajectory_controller/joint_trajectory"
MS = 1_000_000


@pytest.fixture
def person(ros) -> Watcher:
    return Watcher(ros, ros.node("person"))


class Sender:
    """Another client of the simulated arm's action."""

    def __init__(self, ros, person: Watcher) -> None:
        self.ros, self.person = ros, person
        self.client = ActionClient(person.node, FollowJointTrajectory, ACTION)
        ros.wait_for(lambda: self.client.server_is_ready() and person.path, what="the action and the arm")

    def goal(self, joints: tuple[str, ...] = ARM.joints, *, duration_ms: int = 200) -> FollowJointTrajectory.Goal:
        """The last joint turns a little from where it is."""
        here = np.array(ARM.home[: len(joints)])
        there = here + np.eye(len(joints))[-1] * 0.05
        stamps = np.array([0, duration_ms * MS])
        way = Trajectory(joints, 0, stamps, np.stack([here, there]), np.zeros((2, len(joints))))
        return FollowJointTrajectory.Goal(trajectory=trajectory_message(way))

    def send(self, goal: FollowJointTrajectory.Goal):
        asked = self.client.send_goal_async(goal)
        self.ros.wait_for(asked.done, what="an answer to the goal")
        return asked.result()

    def end_of(self, handle):
        asked = handle.get_result_async()
        self.ros.wait_for(asked.done, what="the result of the goal")
        return asked.result()


def test_the_simulated_controller_takes_rejects_and_ends_goals_as_a_real_one(ros, person, start_node):
    start_node("simulated_arm", {"down_s": 0.1})
    sender = Sender(ros, person)
    reached = sender.end_of(sender.send(sender.goal()))
    assert (reached.status, reached.result.error_string) == (SUCCEEDED, "Goal successfully reached!")

    first = sender.send(sender.goal(duration_ms=60_000))
    second = sender.send(sender.goal(duration_ms=60_000))
    assert sender.end_of(first).status == ABORTED
    second.cancel_goal_async()
    assert sender.end_of(second).status == CANCELED

    assert not sender.send(sender.goal(ARM.joints[:3])).accepted
    assert not sender.send(sender.goal(("elbow", *ARM.joints[1:]))).accepted
    assert not sender.send(FollowJointTrajectory.Goal()).accepted

    third = sender.send(sender.goal(duration_ms=60_000))
    assert person.call("simulated_arm/emergency_stop", True).success
    stopped = sender.end_of(third)
    assert (stopped.status, stopped.result.error_string) == (ABORTED, "the emergency stop was pressed")
    assert not sender.send(sender.goal()).accepted
    assert person.call("simulated_arm/emergency_stop", False).success

    fourth = sender.send(sender.goal(duration_ms=60_000))
    assert person.call("simulated_arm/restart_controller").success
    assert sender.end_of(fourth).result.error_string == "the controller is restarted"


def test_goals_move_the_arm_and_an_aborted_one_disarms_it_with_the_reason(ros, person, start_node):
    on_topic: list[JointTrajectory] = []
    copies: list[JointTrajectory] = []
    start_node("simulated_arm")
    explorer = start_node("explorer", REAL)
    # Only now, and not as a controller: a hidden node, like a command-line tool.
    tool = ros.node("_tool")
    tool.create_subscription(JointTrajectory, TOPIC, on_topic.append, 10)
    tool.create_subscription(JointTrajectory, topics.goals_topic(TOPIC), copies.append, 10)
    person.arm()
    assert person.call("simulated_arm/emergency_stop", True).success
    person.disarmed()
    assert person.call("simulated_arm/emergency_stop", False).success
    person.sees_no_motion()
    person.arm()
    said = said_by(explorer)
    assert explorer.returncode == 0, said
    why = "aborted the trajectory (INVALID_GOAL: the emergency stop was pressed)"
    rejected = "rejected the trajectory. Its log says why"  # the next goal was on its way when the stop was pressed
    assert f"disarmed: {ACTION} {why}" in said or f"disarmed: {ACTION} {rejected}" in said
    assert f"Commands go to {ACTION}." in said
    assert not on_topic
    assert copies
    # The last goal is a stop: exiting, the explorer waited until it was taken.
    person.sees_no_motion()
    assert list(copies[-1].points[-1].velocities) == [0.0] * 7


def test_an_arm_that_lags_behind_is_disarmed_because_the_controller_says_so(ros, person, start_node):
    logged: list[str] = []
    person.node.create_subscription(Log, "/rosout", lambda log: logged.append(log.msg), latched(1000))
    start_node("simulated_arm", {"lag_s": 5.0, "path_tolerance": 0.05})
    explorer = start_node("explorer", REAL | {"armed": True})
    ros.wait_for(lambda: any("disarmed" in line for line in logged), timeout_s=PATIENCE_S, what="the disarming")
    said = said_by(explorer)
    assert f"disarmed: {ACTION} aborted the trajectory (PATH_TOLERANCE_VIOLATED: panda_joint" in said
    assert "Look for what holds the arm back" in said


def test_a_rejected_goal_disarms_it(ros, person, start_node, following_arm):
    node = ros.node("driver")
    following_arm(node)
    goals: list[FollowJointTrajectory.Goal] = []

    def reject(goal: FollowJointTrajectory.Goal) -> GoalResponse:
        goals.append(goal)
        return GoalResponse.REJECT

    server = ActionServer(node, FollowJointTrajectory, ACTION, lambda handle: None, goal_callback=reject)
    explorer = start_node("explorer", REAL)
    person.waits_for("not armed")
    ros.wait_for(lambda: person.call("explorer/arm", True).success, what="the arming")
    ros.wait_for(lambda: goals, what="a goal")
    person.disarmed()
    ros.spin(0.5)
    assert len(goals) == 1
    said = said_by(explorer)
    assert f"disarmed: {ACTION} rejected the trajectory." in said
    assert f"the arm of /driver moves now. Commands go to {ACTION}." in said
    server.destroy()


def test_by_request_only_the_topic_or_only_the_named_action_is_used(ros, person, start_node):
    start_node("simulated_arm")
    explorer = start_node("explorer", REAL | {"trajectory_action": "none"})
    person.arm()
    assert f"Commands go to {TOPIC}." in said_by(explorer)
    start_node("explorer", REAL | {"trajectory_action": "other/follow", "patience_s": 1e6})
    person.waits_for("waiting for a controller that offers the action /other/follow")
    wrong = start_node("explorer", {"trajectory_action": "other/follow"})
    ros.wait_for(lambda: wrong.poll() is not None, what="the explorer to end")
    assert "trajectory_action = 'other/follow' is for a real arm only" in wrong.communicate()[0]


def test_goals_are_recorded_as_commands_on_the_topic(ros, person, start_node, tmp_path):
    start_node("simulated_arm")
    recorder = start_node("recorder", {"bag": tmp_path / "bag", "sample_timeout": 0.4})
    start_node("explorer", REAL)
    ros.wait_for(
        lambda: person.node.count_subscribers(topics.goals_topic(TOPIC)), timeout_s=PATIENCE_S, what="the recorder"
    )
    person.arm()
    person.sees_motion()
    said_by(recorder)
    with AnyReader([tmp_path / "bag"]) as reader:
        counts = {connection.topic: connection.msgcount for connection in reader.connections}
    assert counts[TOPIC] > 0
    assert topics.goals_topic(TOPIC) not in counts
