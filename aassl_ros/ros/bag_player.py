"""Publish the messages of a bag as live topics, with /clock."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.exceptions import NameValidationException
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

from aassl_ros.data.bags.playback import Playback
from aassl_ros.data.bags.reader import BagMessage
from aassl_ros.errors import RosError
from aassl_ros.ros.context import start_rclpy
from aassl_ros.ros.conversions import time_message
from aassl_ros.ros.names import name_error
from aassl_ros.ros.qos import latched
from aassl_ros.ros.topic_subscriber import message_class
from aassl_ros.ros.transport import set_image_transport

_DEPTH = 1000
_UNKNOWN = "_NODE_NAME_UNKNOWN_"  # of rcl
_DISCOVERY_S = 10.0
_SETTLED_S = 1.0
_DELIVERY_S = 5.0


class BagPlayer:
    """A node with a publisher for each topic of a bag. Use it in a `with` block.

    Args:
        playback: what will be played.
        remapped: other names of topics, recorded name -> name to publish.
        clock: whether /clock is published.

    Raises:
        RosError: no type of the bag is installed.
        ConfigError: ROS refuses the name of a topic.
    """

    def __init__(self, playback: Playback, *, remapped: Mapping[str, str], clock: bool) -> None:
        set_image_transport()
        self._context = Context()
        start_rclpy(context=self._context)
        self._node = Node("bag_player", context=self._context)
        try:
            self._publishers: dict[str, Any] = {}
            self.left_out: dict[str, str] = {}
            for name, kind in playback.topics.items():
                self._add(remapped.get(name, name), name, kind, latched_topic=playback.latched(name))
            if not self._publishers:
                raise RosError(f"nothing to play: the packages of {_listed(self.left_out)} are not installed.")
            self._clock = self._node.create_publisher(Clock, "/clock", 10) if clock else None
        except BaseException:
            self.close()
            raise

    def publish(self, message: BagMessage) -> None:
        """Publish a message of the bag. It is ignored if its type is not installed."""
        publisher = self._publishers.get(message.topic)
        if publisher is not None and message.data:
            publisher.publish(message.data)

    def clock(self, time_ns: int) -> None:
        """Publish the time on /clock."""
        assert self._clock is not None
        self._clock.publish(Clock(clock=time_message(time_ns)))

    def wait_for_subscribers(self, seconds: float) -> bool:
        """Wait for the first subscriber, then until no new subscription has come for a second.

        Subscribers of a topic that is not latched miss what is published before. Some nodes, such as our recorder,
        subscribe only after they have found the publisher.

        Args:
            seconds: how long to wait for the first subscriber.

        Returns:
            Whether there is a subscriber.

        Raises:
            RosError: another node publishes /clock.
        """
        begun = changed = time.monotonic()
        count = 0
        while time.monotonic() - changed < (_SETTLED_S if count else seconds):
            self._check_alone()
            now = sum(publisher.get_subscription_count() for publisher in self._publishers.values())
            if now != count:
                count, changed = now, time.monotonic()
            if count and time.monotonic() - begun > seconds + _DISCOVERY_S:
                break
            time.sleep(0.02)
        return count > 0

    def finish(self) -> None:
        """Wait until reliable subscribers have received everything."""
        until = time.monotonic() + _DELIVERY_S
        for publisher in self._publishers.values():
            left = max(0.0, until - time.monotonic())
            publisher.wait_for_all_acked(Duration(nanoseconds=int(left * 1e9)))

    def close(self) -> None:
        """Remove the node."""
        self._node.destroy_node()
        self._context.try_shutdown()

    def __enter__(self) -> BagPlayer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, name: str, recorded: str, kind: str, *, latched_topic: bool) -> None:
        cls = message_class(kind)
        if cls is None:
            self.left_out[recorded] = kind
            return
        profile = latched(_DEPTH) if latched_topic else QoSProfile(depth=_DEPTH)
        try:
            self._publishers[recorded] = self._node.create_publisher(cls, name, profile)
        except NameValidationException as error:
            raise name_error(error) from error

    def _check_alone(self) -> None:
        """Raise RosError if another node publishes /clock: time would jump back and forth between the two."""
        if self._clock is None:
            return
        others = [info.node_name for info in self._node.get_publishers_info_by_topic("/clock")]
        others = [name for name in others if name != "bag_player"] or others[1:]
        if others:
            # A publisher may be known before the name of its node.
            names = ", ".join("another node" if name == _UNKNOWN else name for name in others)
            raise RosError(
                f"{names} publishes /clock in this ROS domain already. Stop it, play in another "
                "ROS_DOMAIN_ID, or play without a clock: --clock-hz 0."
            )


def _listed(left_out: Mapping[str, str]) -> str:
    return ", ".join(sorted(set(left_out.values())))
