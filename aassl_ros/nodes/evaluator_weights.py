"""Receives encoders from a trainer on another machine, and gives them to the loader as files."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

from rclpy.node import Node
from std_msgs.msg import UInt8MultiArray

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import CheckpointNews, WeightsPart
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.data.streams.weight_parts import MOST_PARTS, WeightsAssembler
from aassl_ros.files import write_whole
from aassl_ros.learning.recognition.reloading import RecognizerLoader
from aassl_ros.ros.qos import latched

_KEPT = 2  # files: the one in use, and the one before
_LATE_S = 15.0


class WeightsReceiver:
    """Subscribes to trainer/weights. A whole encoder is written to `folder` and loaded like an announced path.

    Args:
        node: the evaluator.
        loader: gets each new encoder, with the digest that it must have.
        folder: of the received files; the newest stay. Empty: a temporary one.
    """

    def __init__(self, node: Node, loader: RecognizerLoader, folder: str) -> None:
        self._node, self._loader = node, loader
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="aassl_weights_")
        self._folder = Path(folder).expanduser() if self._temporary is None else Path(self._temporary.name)
        self._assembler = WeightsAssembler()
        self._problem = ""
        self._requested = ""
        self._expected: tuple[CheckpointNews, float] | None = None
        self._subscription = node.create_subscription(
            UInt8MultiArray, topics.WEIGHTS, self._on_part, latched(MOST_PARTS)
        )

    def stop(self) -> None:
        """Stop receiving, and remove a temporary folder."""
        self._node.destroy_subscription(self._subscription)
        if self._temporary is not None:
            self._temporary.cleanup()

    def brings(self, news: CheckpointNews) -> bool:
        """Return whether an announced checkpoint will come as messages, because this machine has no such path."""
        if Path(news.path).expanduser().exists() or self._node.count_publishers(topics.WEIGHTS) == 0:
            return False
        if self._requested != news.digest:
            self._expected = (news, time.monotonic())
        return True

    def problem(self) -> str:
        """Return what is wrong with the last weights, or that announced ones do not come; empty: nothing."""
        if self._problem or self._assembler.problem:
            return self._problem or f"{topics.WEIGHTS}: {self._assembler.problem}. The present encoder stays."
        if self._expected is not None and time.monotonic() > self._expected[1] + _LATE_S:
            news, _ = self._expected
            return (
                f"the checkpoint of step {news.step} was announced, but its weights have not come whole on "
                f"{topics.WEIGHTS} ({self._assembler.missing} parts are missing). The present encoder stays."
            )
        return ""

    def report(self) -> dict[str, int]:
        """Return counts for the diagnostics."""
        counts = self._assembler
        return {
            "weights_received": counts.complete,
            "weights_damaged": counts.damaged,
            "weights_incomplete": counts.abandoned,
        }

    def _on_part(self, message: UInt8MultiArray) -> None:
        try:
            told = WeightsPart.parse(message.layout.dim[0].label if message.layout.dim else "")
        except JsonMessageError as error:
            self._assembler.damaged += 1
            self._node.get_logger().warning(f"refused: {error}", throttle_duration_sec=5.0)
            return
        if told.checkpoint in (self._requested, self._in_use()):
            self._expected = None
            return
        content = self._assembler.add(told, bytes(message.data))
        if content is not None:
            self._load(told, content)

    def _in_use(self) -> str:
        return "" if self._loader.current is None else self._loader.current.digest

    def _load(self, told: WeightsPart, content: bytes) -> None:
        path = self._folder / f"{told.content}.safetensors"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            self._problem = (
                f"{path} cannot be written ({error.strerror}). Free some disk space or set weights_folder. The present "
                "encoder stays."
            )
            self._node.get_logger().error(self._problem)
            return
        self._problem, self._requested, self._expected = "", told.checkpoint, None
        self._node.get_logger().info(f"received the weights of step {told.step} ({len(content)} bytes).")
        self._loader.request(path, told.checkpoint)
        # After the new one: the thread of the loader may still read the one before it.
        with contextlib.suppress(OSError):
            files = sorted(self._folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime_ns)
            for old in files[:-_KEPT]:
                old.unlink()
