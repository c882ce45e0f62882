"""Send one command for the taught objects to a running evaluator, and wait for its answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import GalleryCommand, GalleryNews
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.errors import RosError
from aassl_ros.ros.context import own_node, spin_until
from aassl_ros.ros.qos import latched

_QOS = latched(20)
# Lessons take at most a minute each, and commands wait for those before them.
LESSONS_S = 600.0


def send_gallery_command(
    command: GalleryCommand,
    *,
    namespace: str = "",
    timeout_s: float = 10.0,
    begun: Callable[[], None] = lambda: None,
) -> GalleryNews:
    """Send a command and wait until it is done.

    Args:
        command: without `request`, which is chosen here.
        namespace: of the robot's nodes.
        timeout_s: how long to wait for the evaluator, and for its answer beyond the time of a lesson, s.
        begun: called when the evaluator begins to take views.

    Returns:
        What is taught after the command.

    Raises:
        RosError: there is no evaluator, it does not answer, or it refuses the command.
    """
    command = replace(command, request=str(uuid.uuid4()))
    answers: list[GalleryNews] = []

    def take(message: String) -> None:
        try:
            news = GalleryNews.parse(message.data)
        except JsonMessageError:
            return  # of a newer evaluator; the command then times out
        if news.request == command.request:
            answers.append(news)

    with own_node(f"gallery_caller_{uuid.uuid4().hex[:8]}", namespace=namespace) as node:
        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)
        publisher = node.create_publisher(String, topics.GALLERY_COMMAND, 20)
        subscription = node.create_subscription(String, topics.GALLERY, take, _QOS)
        matched = spin_until(
            executor,
            lambda: publisher.get_subscription_count() > 0 and node.count_publishers(subscription.topic_name) > 0,
            timeout_s,
        )
        if not matched:
            raise RosError(
                f"no evaluator takes {publisher.topic_name} (waited {timeout_s:g} s). Start it first, with the same "
                "ROS_DOMAIN_ID and namespace, and with its parameter taught set to a folder."
            )
        publisher.publish(String(data=command.to_json()))
        if not spin_until(executor, lambda: bool(answers), timeout_s):
            raise RosError(f"the evaluator did not answer on {subscription.topic_name} within {timeout_s:g} s.")
        if not spin_until(executor, lambda: not answers[-1].waiting, LESSONS_S):
            raise RosError(f"the evaluator was busy with lessons for {LESSONS_S:g} s; it will still do this command.")
        if command.command == "teach" and not answers[-1].error:
            begun()
            spin_until(executor, lambda: _finished(answers[-1]), command.seconds + timeout_s)
        last = answers[-1]
        if not _finished(last):
            raise RosError(f"the evaluator did not finish the lesson within {command.seconds + timeout_s:g} s.")
        if last.error:
            raise RosError(last.error)
        return last


def _finished(news: GalleryNews) -> bool:
    return bool(news.done or news.error)
