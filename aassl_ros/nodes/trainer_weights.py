"""Sends the encoder of each checkpoint as messages, for evaluators that cannot read the trainer's disk."""

from __future__ import annotations

import threading
import time
import uuid
from array import array
from collections import deque
from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import MultiArrayDimension, MultiArrayLayout, UInt8MultiArray

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import WeightsPart
from aassl_ros.data.streams.weight_parts import cut
from aassl_ros.errors import AasslError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.checkpoints.to_backbone import backbone_of
from aassl_ros.learning.compute.thread_priority import lower_priority
from aassl_ros.learning.encoders.backbone import backbone_file
from aassl_ros.learning.online.status import Saved
from aassl_ros.ros.qos import latched

# A few parts at a time, so that receiving frames goes on: about 20 MB per second.
_PERIOD_S, _PARTS_AT_ONCE = 0.05, 4
_LAST_S = 10.0


class WeightsSender:
    """Publishes the newest encoder on trainer/weights, where late subscribers get it too.

    The publisher keeps as many messages as an encoder has parts: one whole encoder. A checkpoint is read in a thread.
    If checkpoints come faster than they can be sent, only the newest is.

    Args:
        node: the trainer.
        warn: called with a line if a checkpoint cannot be sent.
    """

    def __init__(self, node: Node, warn: Callable[[str], object]) -> None:
        self._node, self._warn = node, warn
        self._sender = uuid.uuid4().hex[:12]
        self._publisher: Publisher | None = None
        self._depth = 0
        self._waiting: deque[UInt8MultiArray] = deque()
        self._asked: Saved | None = None
        self._made: list[UInt8MultiArray] | None = None
        self._reader: threading.Thread | None = None
        self._timer = node.create_timer(_PERIOD_S, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def send(self, saved: Saved) -> None:
        """Send this checkpoint's encoder soon; returns at once."""
        self._asked = saved

    def stop(self) -> None:
        """Send the last encoder to the end, wait for the subscribers to have it, and remove the topic."""
        until = time.monotonic() + _LAST_S
        while (self._asked or self._waiting or self._made or self._reading) and time.monotonic() < until:
            if self._reader is not None:
                self._reader.join(timeout=until - time.monotonic())
            self._tick()
        self._node.destroy_timer(self._timer)
        if self._publisher is not None:
            self._publisher.wait_for_all_acked(Duration(seconds=5))
            self._node.destroy_publisher(self._publisher)

    @property
    def _reading(self) -> bool:
        return self._reader is not None and self._reader.is_alive()

    def _tick(self) -> None:
        if self._made is not None:
            made, self._made = self._made, None
            self._begin(made)
        if self._asked is not None and not self._waiting and not self._reading:
            asked, self._asked = self._asked, None
            self._reader = threading.Thread(target=self._read, args=(asked,), name="weights reader", daemon=True)
            self._reader.start()
        for _ in range(min(_PARTS_AT_ONCE, len(self._waiting))):
            if self._publisher is not None:
                self._publisher.publish(self._waiting.popleft())

    def _read(self, saved: Saved) -> None:
        lower_priority()
        try:
            content = backbone_file(backbone_of(load_checkpoint(saved.path)))
        except AasslError as error:  # a newer checkpoint may have replaced it
            self._warn(f"the weights of step {saved.step} are not sent: {error}")
            return
        parts = cut(content, checkpoint=saved.digest, step=saved.step, sender=self._sender)
        self._made = [weights_message(told, piece) for told, piece in parts]

    def _begin(self, messages: list[UInt8MultiArray]) -> None:
        if self._publisher is None or len(messages) != self._depth:
            if self._publisher is not None:
                self._node.destroy_publisher(self._publisher)
            self._depth = len(messages)
            self._publisher = Node.create_publisher(self._node, UInt8MultiArray, topics.WEIGHTS, latched(self._depth))
        self._waiting = deque(messages)


def weights_message(told: WeightsPart, piece: bytes) -> UInt8MultiArray:
    """Make the message of one part."""
    dimension = MultiArrayDimension(label=told.to_json(), size=len(piece), stride=len(piece))
    # As an array, the bytes are copied at once; rclpy checks each element of other sequences.
    return UInt8MultiArray(layout=MultiArrayLayout(dim=[dimension], data_offset=0), data=array("B", piece))
