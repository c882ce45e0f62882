"""Sends trajectories to a controller: on its topic, or as goals of its action FollowJointTrajectory.

A goal is better than a message: the controller accepts or rejects it, and says why it ends early.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.action import ActionClient
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.data.interfaces import topics
from aassl_ros.errors import ConfigError
from aassl_ros.motion.goals import SentGoals
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.nodes.controllers import Ways
from aassl_ros.nodes.explorer_settings import ExplorerSettings
from aassl_ros.ros import conversions
from aassl_ros.ros.context import spin_until
from aassl_ros.ros.names import check_topic_name

AUTO, NONE = "auto", "none"


def find_ways(node: Node, settings: ExplorerSettings) -> Ways:
    """Return the ways that the parameter trajectory_action allows. Raises ConfigError."""
    topic, asked = node.resolve_topic_name(topics.COMMAND), settings.trajectory_action
    if asked in ("", NONE) or (asked == AUTO and settings.simulator):
        return Ways(topic)
    installed = follow_joint_trajectory() is not None
    if asked == AUTO:
        return Ways(topic, topics.action_beside(topic) if installed else "")
    if settings.simulator:
        raise ConfigError(f"trajectory_action = {asked!r} is for a real arm only, but the parameter simulator is true.")
    if not installed:
        raise ConfigError(
            f"trajectory_action = {asked!r} needs control_msgs, which is not installed for this Python. Install "
            "ros-DISTRO-control-msgs, or set trajectory_action to none."
        )
    check_topic_name(asked)
    return Ways(topic, node.resolve_topic_name(asked), required=True)


def follow_joint_trajectory() -> Any:
    """Return the class of the action; None if control_msgs is not installed, or without actions."""
    try:
        return importlib.import_module("control_msgs.action").FollowJointTrajectory
    except (ImportError, AttributeError):
        return None


class TrajectorySender:
    """Sends the trajectories of one node.

    Args:
        node: that sends.
        ways: to the controller.
        problem: called with a line if the controller rejects a goal, or ends it before a newer one replaces it.
    """

    def __init__(self, node: Node, ways: Ways, problem: Callable[[str], None]) -> None:
        self._node, self._ways, self._problem = node, ways, problem
        self._messages = node.create_publisher(JointTrajectory, topics.COMMAND, 10)
        self._goals = SentGoals()
        self._action = follow_joint_trajectory() if ways.action else None
        if self._action is not None:
            # The controller subscribes to its trajectory topic too, and must not follow both.
            self._copies = node.create_publisher(JointTrajectory, topics.goals_topic(ways.topic), 10)
            self._client: ActionClient[Any, Any, Any] = ActionClient(node, self._action, ways.action)

    def is_ready(self) -> bool:
        """Whether the server of the action answers goals."""
        return self._action is not None and bool(self._client.server_is_ready())

    def send(self, trajectory: Trajectory, *, as_goal: bool) -> None:
        """Send a trajectory with velocities, on the topic or as a goal. It replaces the one before."""
        message = conversions.trajectory_message(trajectory)
        if not as_goal:
            self._messages.publish(message)
            return
        assert self._action is not None
        asked = self._client.send_goal_async(self._action.Goal(trajectory=message))
        asked.add_done_callback(partial(self._on_answer, self._goals.send()))
        self._copies.publish(message)

    def finish(self, timeout_s: float) -> None:
        """Wait until the last trajectory was received, while the node is not spun otherwise. timeout_s: at most."""
        until = time.monotonic() + timeout_s
        if self._goals.unanswered and self._node.context.ok():
            executor = SingleThreadedExecutor(context=self._node.context)
            executor.add_node(self._node)
            spin_until(executor, lambda: not self._goals.unanswered, timeout_s)
            executor.remove_node(self._node)
        self._messages.wait_for_all_acked(Duration(seconds=max(0.0, until - time.monotonic())))

    def _on_answer(self, number: int, asked: Any) -> None:
        handle = asked.result()
        self._tell(self._goals.answer(number, accepted=handle.accepted))
        if handle.accepted:
            handle.get_result_async().add_done_callback(partial(self._on_end, number))

    def _on_end(self, number: int, asked: Any) -> None:
        ended = asked.result()
        self._tell(self._goals.end(number, ended.status, ended.result.error_code, ended.result.error_string))

    def _tell(self, problem: str) -> None:
        if problem:
            self._problem(f"{self._ways.action} {problem}")
