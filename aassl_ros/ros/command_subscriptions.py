"""Subscribe to the commands of each joint group, whatever accepted type their topic has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import COMMAND_TYPES, Command, command_from_message
from aassl_ros.errors import ConfigError, TrajectoryError
from aassl_ros.ros.topic_subscriber import message_class


def command_groups(entries: tuple[str, ...], node: str) -> dict[str, str]:
    """The command topic of each joint group. entries: each GROUP:TOPIC. Raises ConfigError."""
    pairs = [entry.partition(":") for entry in entries]
    for group, _, topic in pairs:
        if not group or not topic:
            example = "arm:joint_trajectory_controller/joint_trajectory"
            raise ConfigError(
                f"{node}: command_topics contains {group!r}, expected GROUP:TOPIC, for example {example}."
            )
    return {group: topic for group, _, topic in pairs}


class CommandSubscriptions:
    """Subscriptions to command topics. Call `look` regularly: it finds the type of each topic.

    Until a topic has a publisher, JointTrajectory is expected, so that the first command is not missed. Of trajectories
    that were sent as goals of an action the copies are received, as if they had been sent on the topic.

    Args:
        node: that subscribes.
        groups: joint group -> topic.
        joints: joint group -> joints, for commands that name none.
        qos: of the subscriptions.
        take: called with the topic and each command.
        refused: called with a line if a command is not valid.
    """

    def __init__(
        self,
        node: Node,
        groups: Mapping[str, str],
        joints: Mapping[str, tuple[str, ...]],
        qos: QoSProfile,
        *,
        take: Callable[[str, Command], None],
        refused: Callable[[str], None],
    ) -> None:
        self._node, self._qos = node, qos
        self._take, self._refused = take, refused
        self._joints = {node.resolve_topic_name(topic): joints.get(group, ()) for group, topic in groups.items()}
        self._types: dict[str, str] = {}
        self._subscriptions: dict[str, Subscription] = {}
        for topic in self._joints:
            self._subscribe(topic, messages.JOINT_TRAJECTORY)
            copies, kind = topics.goals_topic(topic), messages.JOINT_TRAJECTORY
            self._subscriptions[copies] = node.create_subscription(
                message_class(kind), copies, partial(self._on_message, topic, kind), qos
            )

    def look(self) -> None:
        """Subscribe again to a topic whose publishers have another type."""
        for topic, kind in list(self._types.items()):
            found = [info.topic_type for info in self._node.get_publishers_info_by_topic(topic)]
            if not found or kind in found:
                continue
            if found[0] in COMMAND_TYPES:
                self._subscribe(topic, found[0])
            else:
                self._types[topic] = found[0]
                self._refused(f"{topic} has type {found[0]}, expected one of {', '.join(COMMAND_TYPES)}")

    def stop(self) -> None:
        """Stop receiving."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        self._types.clear()

    def _subscribe(self, topic: str, kind: str) -> None:
        if (old := self._subscriptions.pop(topic, None)) is not None:
            self._node.destroy_subscription(old)
        self._types[topic] = kind
        cls = message_class(kind)
        if cls is None:
            package = kind.partition("/")[0]
            self._refused(f"{topic} has type {kind}, but {package} is not installed for this Python")
            return
        self._subscriptions[topic] = self._node.create_subscription(
            cls, topic, partial(self._on_message, topic, kind), self._qos
        )

    def _on_message(self, topic: str, kind: str, message: Any) -> None:
        try:
            self._take(topic, command_from_message(kind, message, self._joints[topic]))
        except TrajectoryError as error:
            self._refused(str(error))
