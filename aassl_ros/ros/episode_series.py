"""Marks one episode after the other by the wall clock, so that a trainer keeps the frames of a synthetic robot."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.ros.context import own_node
from aassl_ros.ros.episode_marker import EPISODE_QOS


@contextmanager
def marked_episodes(seconds: float) -> Iterator[None]:
    """Begin an episode with another object every few seconds, by the wall clock, until the `with` block ends."""
    stopping = threading.Event()
    with own_node("episodes") as node:
        publisher = node.create_publisher(String, topics.EPISODE, EPISODE_QOS)

        def run() -> None:
            number = 0
            while True:
                id, instance = str(uuid.uuid4()), f"object_{number:04d}"
                event = EpisodeEvent(id, time.time_ns(), "start", instance, "object", "online")
                publisher.publish(String(data=event.to_json()))
                number += 1
                if stopping.wait(seconds):
                    return

        thread = threading.Thread(target=run, name="episodes", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()
