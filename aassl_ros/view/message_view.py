"""Shows ROS messages, of a bag or of live topics, in Rerun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.errors import AasslError
from aassl_ros.view.rerun_log import RerunLog

_POSE = "geometry_msgs/msg/PoseStamped"


class MessageView:
    """Takes decoded messages of rosbags or rclpy; both have the same fields.

    Attributes:
        shown: the number of messages shown, by topic.
        skipped: the number of messages that could not be read.
    """

    def __init__(self, log: RerunLog) -> None:
        self._log = log
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
        for name, position in zip(message.name, message.position, strict=False):
            self._log.number(f"{topic}/{name}", stamp_ns, float(position))

    def _trajectory(self, topic: str, message: Any, log_ns: int) -> None:
        trajectory = messages.trajectory_from_message(message)
        begin_ns = trajectory.stamp_ns or log_ns
        for time_ns, positions in zip(trajectory.times_ns, trajectory.positions, strict=True):
            for name, position in zip(trajectory.joint_names, positions, strict=True):
                self._log.number(f"{topic}/{name}", begin_ns + int(time_ns), float(position))

    def _pose(self, topic: str, message: Any, log_ns: int) -> None:
        self._log.pose(topic, messages.stamp_ns(message.header.stamp), messages.pose_from_message(message))

    def _string(self, topic: str, message: Any, log_ns: int) -> None:
        if topic.endswith(topics.ANSWER):
            answer = EvaluatorAnswer.parse(message.data)
            self._log.text(topic, answer.stamp_ns, f"{answer.label} ({100 * answer.confidence:.0f} %)")
            self._log.number(f"{topic}/score", answer.stamp_ns, answer.confidence)
            if answer.familiarity is not None:
                self._log.number(f"{topic}/familiarity", answer.stamp_ns, answer.familiarity)
        else:
            event = EpisodeEvent.parse(message.data)
            self._log.text(topic, event.stamp_ns, f"{event.event} {event.instance} {event.category or ''}".strip())
