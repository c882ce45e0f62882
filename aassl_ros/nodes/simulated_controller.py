"""The controller of a simulated arm as a node: it has the topics and the action of ros2_control's controller."""

from __future__ import annotations

from functools import partial
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.commands import CONTROLLER_STATE
from aassl_ros.data.streams.messages import trajectory_from_message
from aassl_ros.errors import TrajectoryError
from aassl_ros.motion.arms import Arm
from aassl_ros.motion.goals import CANCELED, SUCCEEDED
from aassl_ros.nodes.trajectory_sender import follow_joint_trajectory
from aassl_ros.ros.conversions import time_message
from aassl_ros.ros.topic_subscriber import message_class
from aassl_ros.sim.goal_follower import Ending, GoalFollower
from aassl_ros.sim.simulated_arm import SimulatedArm


class SimulatedController(Node):
    """Passes trajectories to an arm, and publishes what it asks of the joints, if control_msgs is installed.

    Args:
        arm: gives the names of the joints, and the controller's topic and name if they are not the usual ones.
        body: the arm that moves.
        path_tolerance: see GoalFollower.
        action: whether it offers the action follow_joint_trajectory, if control_msgs is installed.
        kwargs: for the node.

    Attributes:
        commands: how many trajectories were accepted.
    """

    def __init__(self, arm: Arm, body: SimulatedArm, *, path_tolerance: float, action: bool, **kwargs: Any) -> None:
        command = arm.command_topic or topics.COMMAND
        controller = command.rpartition("/")[0] or topics.COMMAND.rpartition("/")[0]
        name = controller.rpartition("/")[2]
        super().__init__(name, use_global_arguments=False, start_parameter_services=False, **kwargs)
        self._arm, self._body = arm, body
        self.commands = 0
        self.create_subscription(JointTrajectory, command, self._on_trajectory, 10)
        self._state_class = message_class(CONTROLLER_STATE)
        states = f"{controller}/controller_state"
        self._states = self._state_class and self.create_publisher(self._state_class, states, 10)
        self._follower = GoalFollower(arm.joints, body, path_tolerance=path_tolerance)
        self._handles: dict[bytes, Any] = {}
        offered = topics.action_beside(command)
        self._action = follow_joint_trajectory() if action and offered else None
        self._server = self._action and ActionServer(
            self,
            self._action,
            offered,
            lambda handle: None,  # `tick` says how a goal is executed, once it is over
            goal_callback=self._decide,
            handle_accepted_callback=self._begin,
            cancel_callback=self._cancel,
        )

    def destroy_node(self) -> None:
        """Destroy the action's server as well."""
        if self._server is not None:
            self._server.destroy()
        super().destroy_node()

    def tick(self, now_ns: int) -> None:
        """Publish the state of the controller, and end the goals that are over."""
        for ending in self._follower.advance(now_ns):
            self._handles.pop(ending.goal).execute(partial(self._end, ending))
        if self._states is None or self._state_class is None:
            return
        message = self._state_class(joint_names=list(self._arm.joints))
        message.header.stamp = time_message(now_ns)
        # `desired` and `actual` are their names in Humble.
        asked = message.reference if hasattr(message, "reference") else message.desired
        found = message.feedback if hasattr(message, "feedback") else message.actual
        asked.positions, found.positions = self._body.reference.tolist(), self._body.position.tolist()
        self._states.publish(message)

    def abort(self, why: str, *, for_good: bool = False) -> None:
        """End what the controller does. for_good: it takes no more goals."""
        self._follower.abort(why)
        if for_good:
            self._follower.active = False
        self.get_logger().error(f"aborted: {why}")

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if self._body.stopped:
            self.get_logger().warning("ignored: the emergency stop is pressed", throttle_duration_sec=1.0)
            return
        try:
            self._body.command(trajectory_from_message(message), self._now_ns())
            self.commands += 1
        except TrajectoryError as error:
            self.get_logger().warning(f"refused: {error}", throttle_duration_sec=1.0)

    # The action. A coroutine that waits for the end of its goal would keep the executor busy, so none is used.

    def _decide(self, goal: Any) -> GoalResponse:
        try:
            refusal = self._follower.refusal(trajectory_from_message(goal.trajectory), self._now_ns())
        except TrajectoryError as error:
            refusal = str(error)
        if refusal:
            self.get_logger().warning(f"goal rejected: {refusal}")
        return GoalResponse.REJECT if refusal else GoalResponse.ACCEPT

    def _begin(self, handle: Any) -> None:
        goal = bytes(handle.goal_id.uuid)
        self._handles[goal] = handle
        self._follower.begin(goal, trajectory_from_message(handle.request.trajectory), self._now_ns())
        self.commands += 1

    def _cancel(self, handle: Any) -> CancelResponse:
        self._follower.cancel(bytes(handle.goal_id.uuid))
        return CancelResponse.ACCEPT

    def _end(self, ending: Ending, handle: Any) -> Any:
        {SUCCEEDED: handle.succeed, CANCELED: handle.canceled}.get(ending.status, handle.abort)()
        assert self._action is not None
        return self._action.Result(error_code=ending.code, error_string=ending.text)
