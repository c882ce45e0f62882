"""The trainer node: trains while data arrive.

learning/online/buffer_filler.py fills the replay buffer; learning/online/online_trainer.py makes the updates.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Header, String
from std_srvs.srv import SetBool, Trigger

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import CheckpointNews
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import Command
from aassl_ros.data.streams.squares import Square, square_from_message
from aassl_ros.errors import TrainingError
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, load_checkpoint
from aassl_ros.learning.online.buffer_filler import BufferFiller
from aassl_ros.learning.online.intake_watch import IntakeWatch
from aassl_ros.learning.online.online_trainer import OnlineTrainer
from aassl_ros.learning.online.settings import ADJUSTABLE, starting_checkpoint
from aassl_ros.learning.online.status import Saved
from aassl_ros.motion.arms import Arm, joint_groups, load_arm
from aassl_ros.nodes.first_minutes import FirstMinutes
from aassl_ros.nodes.robot_description import RobotDescription
from aassl_ros.nodes.trainer_settings import TrainerSettings
from aassl_ros.ros.base import ManagedNode, run
from aassl_ros.ros.camera import CameraFeed
from aassl_ros.ros.command_subscriptions import CommandSubscriptions, command_groups
from aassl_ros.ros.diagnostics import ERROR, OK, WARN, DiagnosticsPublisher, Report
from aassl_ros.ros.parameters import read_settings
from aassl_ros.ros.qos import LATCHED, LATEST

# Old frames are dropped for newer ones. Joint states are small, and each lost one makes interpolation less accurate.
_FRAME_DEPTH = 5
_STATES = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
# Period of the timer: short enough that frames do not wait, long enough to cost nothing.
_TICK_S = 0.1
# Period of checking the types of the command topics.
_LOOK_S = 0.5


class TrainerNode(ManagedNode):
    """Trainer that subscribes to camera, joints, commands, episodes and, in simulation, the object's true pose."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("trainer", **kwargs)
        self._settings = self.declare(TrainerSettings, at_once=ADJUSTABLE, apply=self._apply)
        self._start: Checkpoint | None = None
        self._replay: PreparedData | None = None
        self._arm: Arm | None = None
        self._feed: CameraFeed | None = None
        self._intake: BufferFiller | None = None
        self._trainer: OnlineTrainer | None = None
        self._first_minutes = FirstMinutes((), 0.0)
        self._announced: Saved | None = None
        self._watch = IntakeWatch()
        self._failure: str | None = None
        self._subscriptions_made: list[Any] = []
        self._diagnostics = DiagnosticsPublisher(self, self._report)
        self._ticker = self.create_timer(_TICK_S, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def configure(self) -> None:
        self._settings = settings = read_settings(self, TrainerSettings)
        self._arm = load_arm(settings.arm)
        self._start = starting_checkpoint(settings)
        self._replay = PreparedData.open(settings.replay_data) if settings.replay_data else None
        self._announcements = Node.create_publisher(self, String, topics.CHECKPOINT, LATEST)
        self._own_services = (
            self.create_service(SetBool, "trainer/pause", self._on_pause),
            self.create_service(Trigger, "trainer/save", self._on_save),
        )

    def _apply(self, settings: TrainerSettings) -> None:
        """Apply the settings that may be changed during training."""
        self._settings = settings
        if self._trainer is not None:
            self._trainer.adjust(settings)

    def activate(self) -> None:
        settings = self._settings
        trainer = OnlineTrainer(settings, settings, sets=settings.sets, start=self._start, replay=self._replay)
        robot = self.get_namespace().strip("/")
        self._trainer, self._watch = trainer, IntakeWatch()
        links = {"base_link": self._arm.base_link, "tip_link": self._arm.tip_link} if self._arm else {}
        self._intake = BufferFiller(settings, settings, trainer.frame_size, robot=robot, **links)
        small, decode = settings.compressed, partial(square_from_message, size=trainer.frame_size)
        self._feed = CameraFeed(
            self, settings.camera, compressed=small, depth=_FRAME_DEPTH, on_frame=self._on_frame, decode=decode
        )
        needed = [self._feed.topic, *map(self.resolve_topic_name, (topics.JOINT_STATES, topics.EPISODE))]
        self._first_minutes = FirstMinutes(needed, time.monotonic())
        self._subscriptions_made = [
            self._listen(JointState, topics.JOINT_STATES, self._on_joint_state, _STATES),
            self._listen(PoseStamped, topics.OBJECT_POSE, self._on_object_pose, _STATES),
            self._listen(String, topics.EPISODE, self._on_episode, LATCHED),
        ]
        self._commands = CommandSubscriptions(
            self,
            command_groups(settings.command_topics, "trainer"),
            joint_groups(self._arm),
            _STATES,
            take=self._on_command,
            refused=self._on_command_refused,
        )
        self._looked = time.monotonic()
        self._description = RobotDescription(self, self._on_robot_description)
        trainer.start(self._intake)
        if self._start is not None:
            self.get_logger().info(f"continuing from {self._start.path} (step {self._start.step}).")

    def _listen(self, kind: type, topic: str, callback: Callable[[Any], None], qos: QoSProfile) -> Any:
        """Subscribe to a topic, and log its first message."""
        name = self.resolve_topic_name(topic)

        def take(message: Any) -> None:
            self._say(self._first_minutes.hear(name))
            callback(message)

        return self.create_subscription(kind, topic, take, qos)

    def _say(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.get_logger().info(line)

    def settle_s(self) -> float:
        return self._settings.episode_delay_s

    def deactivate(self) -> None:
        if self._trainer is None or self._intake is None or self._feed is None:
            return
        self._feed.stop()
        self._description.stop()
        self._commands.stop()
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        self._intake.flush()
        self._trainer.stop()
        status = self._trainer.status
        self._announce(status.saved)
        self._announcements.wait_for_all_acked(Duration(seconds=2))
        self._failure = status.line if status.state == "failed" else None
        updates = status.step - (0 if self._start is None else self._start.step)
        self.get_logger().info(f"{self._intake.counts.kept} frames kept, {updates} updates, {status.saves} saves.")
        if status.saved is not None:
            self._start = load_checkpoint(status.saved.path)  # if activated again, it continues from here
        self._feed = self._intake = self._trainer = None

    def cleanup(self) -> None:
        self.destroy_publisher(self._announcements)
        for service in self._own_services:
            self.destroy_service(service)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise TrainingError(failure)

    def _on_frame(self, header: Header, frame: Square) -> None:
        if self._intake is not None and self._feed is not None:
            self._say(self._first_minutes.hear(self._feed.topic))
            self._intake.add_square(messages.stamp_ns(header.stamp), frame, header.frame_id)

    def _on_joint_state(self, message: JointState) -> None:
        if self._intake is not None:
            self._intake.add_joint_state(messages.stamp_ns(message.header.stamp), *messages.joint_arrays(message))

    def _on_command(self, topic: str, command: Command) -> None:
        if self._intake is not None:
            self._say(self._first_minutes.hear(topic))
            self._intake.add_command(command, self.get_clock().now().nanoseconds)

    def _on_command_refused(self, why: str) -> None:
        if self._intake is not None:
            self._intake.bad("command refused")
        self.get_logger().warning(why, throttle_duration_sec=10.0)

    def _on_object_pose(self, message: PoseStamped) -> None:
        if self._intake is not None:
            stamp_ns = messages.stamp_ns(message.header.stamp)
            pose = messages.pose_from_message(message)
            self._intake.add_object_pose(stamp_ns, pose, message.header.frame_id)

    def _on_episode(self, message: String) -> None:
        if self._intake is not None and (refused := self._intake.add_episode(message.data)):
            self.get_logger().warning(f"refused: {refused}", throttle_duration_sec=5.0)

    def _on_robot_description(self, urdf: str) -> None:
        if self._intake is None:
            return
        self._say(self._first_minutes.hear(self._description.topic))
        if problem := self._intake.add_robot_description(urdf):
            self.get_logger().warning(f"{problem} The action space end_effector is not available.")

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._trainer is not None
        response.message = "not active"
        if self._trainer is not None:
            self._trainer.pause(request.data)
            response.message = "paused" if request.data else "continuing"
        return response

    def _on_save(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._trainer is not None and self._trainer.request_save()
        saving = f"saving; the checkpoint will be announced on {topics.CHECKPOINT}"
        response.message = saving if response.success else "nothing to save yet"
        return response

    def _tick(self) -> None:
        if self._intake is None or self._trainer is None:
            return
        self._intake.settle()
        if time.monotonic() > self._looked + _LOOK_S:
            self._looked = time.monotonic()
            self._commands.look()
        if self._feed is not None:
            self._feed.log_problem()
        for line in self._watch.warnings(self._intake.counts, self._intake.clock_restarts):
            self.get_logger().warning(line)
        status, buffer = self._trainer.status, self._intake.buffer
        frames, episodes = (0, 0) if buffer is None else (len(buffer), buffer.episode_count)
        self._say(self._first_minutes.report(status, frames, episodes, time.monotonic()))
        self._announce(status.saved)
        if status.state == "failed" and self._failure is None:
            self._failure = status.line
            self.get_logger().error(status.line)

    def _announce(self, saved: Saved | None) -> None:
        """Announce the newest checkpoint, once."""
        if saved is not None and saved != self._announced:
            self._announced = saved
            news = CheckpointNews(str(saved.path), saved.digest, saved.step)
            self._announcements.publish(String(data=news.to_json()))
            self.get_logger().info(f"saved step {saved.step}: {saved.path}")

    def _report(self) -> Report:
        if self._trainer is None or self._intake is None or self._feed is None:
            return Report(WARN, "inactive")
        status, buffer = self._trainer.status, self._intake.buffer
        values: dict[str, Any] = {"state": status.state, "step": status.step}
        if status.losses is not None:
            values |= {"loss": status.losses.total, "contrastive": status.losses.base}
            if status.losses.action is not None:
                values["action"] = status.losses.action
        if status.rankme is not None:
            values["rankme"] = status.rankme
        if status.depth is not None:
            values["layers_trained"] = f"{status.depth.layers - status.depth.frozen} of {status.depth.layers}"
        values |= {"updates_per_s": status.updates_per_s, "images_per_s": status.images_per_s, "saves": status.saves}
        if buffer is not None:
            values |= {"buffer_frames": len(buffer), "buffer_capacity": buffer.capacity}
            values["buffer_episodes"] = buffer.episode_count
        values |= {"frames_lost": self._feed.lost, "frames_unreadable": self._feed.unreadable}
        intake = self._intake.report()
        values |= {"lag_ms": self._feed.lag_s * 1e3, **intake}
        problem = self._feed.problem() or self._watch.look(time.monotonic(), intake)
        if status.state == "failed":
            return Report(ERROR, status.line, values)
        return Report(WARN, problem, values) if problem else Report(OK, status.line, values)


if __name__ == "__main__":
    sys.exit(run(TrainerNode))
