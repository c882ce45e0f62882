"""Collect diagnostics, episodes, answers and checkpoints of running nodes in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import CheckpointNews, EvaluatorAnswer
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.ros.context import start_rclpy
from aassl_ros.ros.json_subscription import JsonSubscription
from aassl_ros.ros.qos import LATEST, latched

# Deep enough that no episode or answer is lost while the program is busy.
_DEPTH = 1000


class Monitor:
    """Subscribe to /diagnostics, `episode`, `evaluator/answer` and `trainer/checkpoint`. Use it as a context manager.

    namespace: namespace of the monitored nodes. `values(node)` returns the latest diagnostics of a node. `episodes` and
    `answers` hold the messages received so far, in order; `answered_ns` when each answer came, by the wall clock.
    `checkpoints` holds the announced checkpoints.
    """

    def __init__(self, namespace: str = "") -> None:
        self._namespace = namespace
        self._values: dict[str, dict[str, str]] = {}
        self.episodes: list[EpisodeEvent] = []
        self.answers: list[EvaluatorAnswer] = []
        self.answered_ns: list[int] = []
        self.checkpoints: list[CheckpointNews] = []
        self._heard_s: dict[str, float] = {}
        self._context = Context()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="monitor", daemon=True)

    def __enter__(self) -> Monitor:
        start_rclpy(context=self._context)
        self._node = Node("monitor", context=self._context, namespace=self._namespace)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 100)
        # Any program may publish on these topics. Invalid messages are logged and left out.
        self._heard = (
            JsonSubscription(self._node, topics.EPISODE, EpisodeEvent.parse, self.episodes.append, latched(_DEPTH)),
            JsonSubscription(self._node, topics.ANSWER, EvaluatorAnswer.parse, self._on_answer, _DEPTH),
            JsonSubscription(self._node, topics.CHECKPOINT, CheckpointNews.parse, self.checkpoints.append, LATEST),
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._node.destroy_node()
        self._context.try_shutdown()

    def values(self, node: str) -> Mapping[str, str]:
        """Return the latest diagnostic values of a node, and its message under the key "message".

        node: name without namespace. Empty if no diagnostics have been received.
        """
        return self._values.get(node, {})

    def heard_s(self, node: str) -> float:
        """Return when the latest diagnostics of a node came, by the steady clock; 0 before the first."""
        return self._heard_s.get(node, 0.0)

    def _spin(self) -> None:
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self._node)
        while not self._stopping.is_set():
            executor.spin_once(timeout_sec=0.1)

    def _on_answer(self, answer: EvaluatorAnswer) -> None:
        self.answered_ns.append(time.time_ns())
        self.answers.append(answer)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            name = status.name.rsplit("/", 1)[-1]
            self._heard_s[name] = time.monotonic()
            self._values[name] = {value.key: value.value for value in status.values} | {"message": status.message}
