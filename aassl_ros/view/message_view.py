"""Shows ROS messages, of a bag or of live topics, in Rerun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from aassl_ros.data.gallery.lessons import describe_answer
from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.robot_kinematics import RobotKinematics
from aassl_ros.errors import AasslError
from aassl_ros.view.rerun_log import RerunLog

_POSE = "geometry_msgs/msg/PoseStamped"


class MessageView:
    """Takes decoded messages of rosbags or rclpy; both have the same fields.

    Attributes:
        shown: the number of messages shown, by topic.
        skipped: the number of messages that could not be read.
    """

    def __init__(self, log: RerunLog, base_link: str = "", tip_link: str = "") -> None:
        """base_link, tip_link: ends of the arm, whose tip is shown once a robot description came; empty: not known."""
        self._log, self._links = log, (base_link, tip_link)
        self._robots: dict[str, RobotKinematics] = {}  # by namespace
        self.shown: dict[str, int] = {}
        self.skipped = 0
        self._takers: dict[str, Callable[[str, Any, int], None]] = {
            messages.IMAGE: self._image,
            messages.COMPRESSED_IMAGE: self._image,
            messages.JOINT_STATE: self._joint_state,
            messages.JOINT_TRAJECTORY: self._trajectory,
            _POSE: self._pose,
            messages.STRING: self._string,
        }

    def shows(self, topic: str, msgtype: str) -> bool:
        """Whether messages of a topic can be shown."""
        if msgtype == messages.STRING:
            return topic.endswith((f"/{topics.EPISODE}", f"/{topics.ANSWER}"))
        return msgtype in self._takers

    def describe_robot(self, topic: str, urdf: str) -> None:
        """Take a robot description. It is of the robot in the topic's namespace, or of all if that is empty."""
        self._robots[topic.rpartition("/")[0]] = RobotKinematics.from_urdf(urdf, *self._links)

    def take(self, topic: str, msgtype: str, message: Any, log_ns: int) -> None:
        """Show a message that was received at log_ns. One that cannot be read is counted."""
        try:
            self._takers[msgtype](topic, message, log_ns)
        except AasslError:
            self.skipped += 1
        else:
            self.shown[topic] = self.shown.get(topic, 0) + 1

    def _image(self, topic: str, message: Any, log_ns: int) -> None:
        picture = messages.frame_from_message(message)
        self._log.picture(topic, messages.stamp_ns(message.header.stamp), picture)

    def _joint_state(self, topic: str, message: Any, log_ns: int) -> None:
        stamp_ns = messages.stamp_ns(message.header.stamp)
        space, _, last = topic.rpartition("/")
        for name, position in zip(message.name, message.position, strict=False):
            entity = f"{space}/joints/{name}/position" if last == topics.JOINT_STATES else f"{topic}/{name}"
            self._log.number(entity, stamp_ns, float(position))
        robot = self._robots.get(space) or self._robots.get("")
        if last == topics.JOINT_STATES and robot is not None and len(message.name) == len(message.position):
            poses = robot.tip_poses(list(message.name), np.asarray(message.position, np.float64)[None])
            if np.isfinite(poses).all():
                self._log.pose(f"{space}/tip_pose", stamp_ns, poses[0])

    def _trajectory(self, topic: str, message: Any, log_ns: int) -> None:
        trajectory = messages.trajectory_from_message(message)
        begin_ns = trajectory.stamp_ns or log_ns
        space = topic.rsplit("/", 2)[0]  # NAMESPACE/CONTROLLER/joint_trajectory
        for time_ns, positions in zip(trajectory.times_ns, trajectory.positions, strict=True):
            for name, position in zip(trajectory.joint_names, positions, strict=True):
                # Beside the joint's position, so that both are in one plot.
                self._log.number(f"{space}/joints/{name}/command", begin_ns + int(time_ns), float(position))

    def _pose(self, topic: str, message: Any, log_ns: int) -> None:
        self._log.pose(topic, messages.stamp_ns(message.header.stamp), messages.pose_from_message(message))

    def _string(self, topic: str, message: Any, log_ns: int) -> None:
        if topic.endswith(topics.ANSWER):
            answer = EvaluatorAnswer.parse(message.data)
            scores = sorted(answer.scores.items(), key=lambda each: -each[1])
            self._log.text(topic, answer.stamp_ns, describe_answer(answer.label, scores))
            self._log.number(f"{topic}/score", answer.stamp_ns, answer.confidence)
            if answer.familiarity is not None:
                self._log.number(f"{topic}/familiarity", answer.stamp_ns, answer.familiarity)
        else:
            event = EpisodeEvent.parse(message.data)
            self._log.text(topic, event.stamp_ns, f"{event.event} {event.instance} {event.category or ''}".strip())
