"""Publish one episode event, for a person or a script that marks episodes."""

from __future__ import annotations

import time

from rclpy.clock import ClockType
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.errors import RosError
from aassl_ros.ros.context import own_node, spin_until
from aassl_ros.ros.qos import latched

EPISODE_QOS = latched(1000)
"""Late subscribers also get every episode event of a session."""

# Time in which nodes on the network find this one, and it finds them.
_JOIN_S = 1.0
_RECORDER_OFFERS = "recorder/split"


def publish_episode(
    event: EpisodeEvent, *, namespace: str = "", use_sim_time: bool = False, timeout_s: float = 5.0
) -> EpisodeEvent:
    """Publish the event with the present time as stamp, and wait until every subscriber has it.

    Returns the event with its stamp. Raises RosError if within timeout_s there is no subscriber, a recorder of this
    namespace does not subscribe or a subscriber does not get the event, or if there is no /clock in simulated time.
    """
    parameters = [Parameter("use_sim_time", value=use_sim_time)]
    with own_node("episode_marker", namespace=namespace, parameters=parameters) as node:
        publisher = node.create_publisher(String, topics.EPISODE, EPISODE_QOS)
        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)
        if not spin_until(executor, lambda: publisher.get_subscription_count() > 0 and not _unset(node), timeout_s):
            lacking = "no message on /clock" if _unset(node) else f"no subscriber on {publisher.topic_name}"
            raise RosError(f"{lacking} (waited {timeout_s:g} s). Start the recorder first, in the same ROS_DOMAIN_ID.")
        stamped = EpisodeEvent(
            event.id,
            node.get_clock().now().nanoseconds,
            event.event,
            event.instance,
            event.category,
            event.set,
        )
        publisher.publish(String(data=stamped.to_json()))
        # The subscriber may be another node: the recorder subscribes only after it has found this publisher. The topic
        # is latched, so it still gets the event.
        spin_until(executor, lambda: False, _JOIN_S)
        until = time.monotonic() + timeout_s
        while deaf := recorder_without_subscription(node, publisher.topic_name):
            if time.monotonic() > until:
                raise RosError(
                    f"{deaf} does not subscribe to {publisher.topic_name} (waited {timeout_s:g} s): the episode is not "
                    f"recorded. Activate it: ros2 lifecycle set {deaf} activate."
                )
            executor.spin_once(timeout_sec=0.05)
        if not publisher.wait_for_all_acked(Duration(nanoseconds=int(timeout_s * 1e9))):
            raise RosError(
                f"a subscriber of {publisher.topic_name} did not confirm the event (waited {timeout_s:g} s). "
                "Call it again, and check with aassl bag info that the episode is recorded."
            )
        return stamped


def recorder_without_subscription(node: Node, topic: str) -> str:
    """Return the name of a recorder in the node's namespace that does not subscribe to `topic`; empty if none."""
    offers = f"{node.get_namespace().rstrip('/')}/{_RECORDER_OFFERS}"
    subscribed = {(info.node_name, info.node_namespace) for info in node.get_subscriptions_info_by_topic(topic)}
    for name, namespace in node.get_node_names_and_namespaces():
        try:
            services = node.get_service_names_and_types_by_node(name, namespace)
        except RuntimeError:  # the node has just exited
            continue
        if (name, namespace) not in subscribed and any(service == offers for service, _ in services):
            return f"{namespace.rstrip('/')}/{name}"
    return ""


def _unset(node: Node) -> bool:
    """Return whether simulated time is used and no /clock message has arrived yet (time zero)."""
    clock = node.get_clock()
    return clock.clock_type == ClockType.ROS_TIME and clock.now().nanoseconds == 0
