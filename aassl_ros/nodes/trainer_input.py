"""What the trainer receives of one robot: its subscriptions, which fill the replay buffer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Header, String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import Command
from aassl_ros.data.streams.squares import Square, square_from_message
from aassl_ros.learning.online.buffer_filler import BufferFiller
from aassl_ros.learning.online.intake_watch import IntakeWatch
from aassl_ros.learning.online.live_buffer import LiveBuffer
from aassl_ros.motion.arms import Arm, joint_groups
from aassl_ros.nodes.first_minutes import FirstMinutes
from aassl_ros.nodes.robot_description import RobotDescription
from aassl_ros.nodes.trainer_settings import TrainerSettings
from aassl_ros.ros.camera import CameraFeed
from aassl_ros.ros.command_subscriptions import CommandSubscriptions, command_groups
from aassl_ros.ros.counted_subscription import CountedSubscription
from aassl_ros.ros.qos import LATCHED

# A second of frames: while an update is busy, its thread may hold the interpreter's lock for some tenths of a second.
_FRAME_DEPTH = 30
# Joint states are small, and each lost one makes interpolation less accurate.
_STATES = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
# Period of checking the types of the command topics.
_LOOK_S = 0.5


class TrainerInput:
    """Subscribes to camera, joints, commands, episodes and, in simulation, the object's true pose of one robot.

    Args:
        node: the trainer.
        settings: its parameters.
        arm: gives the links of the tip's pose, and the joints of commands that name none.
        live: the buffer that all robots fill.
        image_size: side of the buffer's frames, pixels.
        may_keep: asked for each frame that could be kept.
        namespace: of the robot, in that of the node; empty: that of the node.

    Attributes:
        name: the robot's namespace, without slashes at its ends.
        filler: fills the buffer with what is received.
        feed: the camera.
        heard: makes the log lines for the first message on each topic.
    """

    def __init__(
        self,
        node: Node,
        settings: TrainerSettings,
        arm: Arm | None,
        live: LiveBuffer,
        image_size: int,
        *,
        may_keep: Callable[[], bool],
        namespace: str = "",
    ) -> None:
        self._node, self._namespace = node, namespace
        self.name = (namespace if namespace.startswith("/") else f"{node.get_namespace()}/{namespace}").strip("/")
        links = {} if arm is None else {"base_link": arm.base_link, "tip_link": arm.tip_link}
        self.filler = BufferFiller(settings, settings, image_size, robot=self.name, live=live, **links)
        self.filler.may_keep = may_keep
        self._watch = IntakeWatch()
        self._looked = time.monotonic()
        decode = partial(square_from_message, size=image_size)
        self.feed = CameraFeed(
            node,
            self._under(settings.camera),
            compressed=settings.compressed,
            depth=_FRAME_DEPTH,
            on_frame=self._on_frame,
            decode=decode,
        )
        needed = map(node.resolve_topic_name, map(self._under, (topics.JOINT_STATES, topics.EPISODE)))
        self.heard = FirstMinutes([self.feed.topic, *needed], time.monotonic())
        self._joints = self._listen(JointState, topics.JOINT_STATES, self._on_joint_state, _STATES)
        self._others = [
            self._listen(PoseStamped, topics.OBJECT_POSE, self._on_object_pose, _STATES),
            self._listen(String, topics.EPISODE, self._on_episode, LATCHED),
        ]
        groups = command_groups(settings.command_topics, "trainer")
        self._commands = CommandSubscriptions(
            node,
            {group: self._under(topic) for group, topic in groups.items()},
            joint_groups(arm),
            _STATES,
            take=self._on_command,
            refused=self._on_command_refused,
        )
        self._description = RobotDescription(
            node, self._on_robot_description, topic=self._under(topics.ROBOT_DESCRIPTION)
        )

    def stop(self) -> None:
        """Stop receiving."""
        self.feed.stop()
        self._description.stop()
        self._commands.stop()
        for subscription in (self._joints, *self._others):
            subscription.stop()

    def tick(self) -> None:
        """Put complete frames into the buffer, and log what is wrong. Call it every tenth of a second or so."""
        self.filler.settle()
        if time.monotonic() > self._looked + _LOOK_S:
            self._looked = time.monotonic()
            self._commands.look()
        self.feed.log_problem()
        for line in self._watch.warnings(self.filler.counts, self.filler.clock_restarts):
            self._node.get_logger().warning(self._of_this_robot(line))

    def report(self) -> tuple[dict[str, Any], str]:
        """Return the counts by name, for the diagnostics, and the present problem, or ""."""
        intake = self.filler.report()
        lost = {"frames_lost": self.feed.lost, "frames_unreadable": self.feed.unreadable}
        values = {**lost, "joint_states_lost": self._joints.lost, "lag_ms": self.feed.lag_s * 1e3, **intake}
        problem = self.feed.problem() or self._watch.look(time.monotonic(), intake) or self.filler.unmatched
        return values, self._of_this_robot(problem)

    def say(self, lines: Sequence[str]) -> None:
        """Log these lines."""
        for line in lines:
            self._node.get_logger().info(line)

    def _of_this_robot(self, line: str) -> str:
        return f"{self.name}: {line}" if self._namespace and line else line

    def _under(self, topic: str) -> str:
        """A topic of this robot; an absolute one is the same for all."""
        return topic if topic.startswith("/") or not self._namespace else f"{self._namespace.rstrip('/')}/{topic}"

    def _listen(self, kind: type, topic: str, callback: Callable[[Any], None], qos: QoSProfile) -> CountedSubscription:
        """Subscribe to a topic, and log its first message."""
        name = self._node.resolve_topic_name(self._under(topic))

        def take(message: Any) -> None:
            self.say(self.heard.hear(name))
            callback(message)

        return CountedSubscription(self._node, kind, self._under(topic), take, qos)

    def _on_frame(self, header: Header, frame: Square) -> None:
        self.say(self.heard.hear(self.feed.topic))
        self.filler.add_square(messages.stamp_ns(header.stamp), frame, header.frame_id)

    def _on_joint_state(self, message: JointState) -> None:
        self.filler.add_joint_state(messages.stamp_ns(message.header.stamp), *messages.joint_arrays(message))

    def _on_command(self, topic: str, command: Command) -> None:
        self.say(self.heard.hear(topic))
        self.filler.add_command(command, self._node.get_clock().now().nanoseconds)

    def _on_command_refused(self, why: str) -> None:
        self.filler.bad("command refused")
        self._node.get_logger().warning(why, throttle_duration_sec=10.0)

    def _on_object_pose(self, message: PoseStamped) -> None:
        pose = messages.pose_from_message(message)
        self.filler.add_object_pose(messages.stamp_ns(message.header.stamp), pose, message.header.frame_id)

    def _on_episode(self, message: String) -> None:
        if refused := self.filler.add_episode(message.data):
            self._node.get_logger().warning(f"refused: {refused}", throttle_duration_sec=5.0)

    def _on_robot_description(self, urdf: str) -> None:
        self.say(self.heard.hear(self._description.topic))
        if problem := self.filler.add_robot_description(urdf):
            line = f"{problem} The action space end_effector is not available."
            self._node.get_logger().warning(self._of_this_robot(line))
