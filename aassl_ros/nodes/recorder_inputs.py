"""The recorder's subscriptions: what is missing, and receiving what waits before a bag is closed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from rclpy.node import Node

from aassl_ros.data.bags.recording import Recording
from aassl_ros.ros.topic_subscriber import TopicSubscriber

_SILENCE_S = 5.0
_DRAIN_POLL_S = 0.01


def missing_input(
    node: Node, subscribers: Mapping[str, TopicSubscriber], needed: Collection[str], activated_s: float
) -> str:
    """Return a warning if a needed topic is silent; empty if all arrive.

    needed: names of topics, as in `subscribers`. activated_s: time.monotonic() when the node became active.
    """
    for name in needed:
        if subscribers[name].silent_s > _SILENCE_S:
            return subscribers[name].advice(_SILENCE_S)
    if time.monotonic() - activated_s < _SILENCE_S:
        return ""
    if node.get_parameter("use_sim_time").value and node.get_clock().now().nanoseconds == 0:
        return "use_sim_time is true, but there is no /clock. Start the simulator or set use_sim_time to false."
    return ""


def note_numbering(recording: Recording, subscribers: Mapping[str, TopicSubscriber]) -> None:
    """Tell a recording of which topics the middleware numbers the messages."""
    for subscriber in subscribers.values():
        if subscriber.numbered is not None:
            recording.set_sequence(subscriber.received_as, subscriber.numbered)


def drain(
    recording: Recording, subscribers: Mapping[str, TopicSubscriber], motion: Collection[str], timeout_s: float
) -> None:
    """Receive the waiting messages, then joint states and commands until each frame has its sample.

    motion: topics of joint states and commands.
    """
    until = time.monotonic() + timeout_s
    for subscriber in subscribers.values():
        subscriber.take_waiting()
    while not recording.settled and time.monotonic() < until:
        time.sleep(_DRAIN_POLL_S)
        for subscriber in subscribers.values():
            if subscriber.received_as in motion:
                subscriber.take_waiting()
