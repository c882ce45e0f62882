"""Run an evaluator node in this process and pass frames to it directly, to measure its time per frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from aassl_ros.data.interfaces import topics
from aassl_ros.errors import RosError
from aassl_ros.learning.recognition.recognizer import Recognizer
from aassl_ros.nodes.evaluator import EvaluatorNode
from aassl_ros.nodes.evaluator_answers import Classification
from aassl_ros.ros.context import start_rclpy
from aassl_ros.ros.conversions import image_message
from aassl_ros.ros_environment import prepare_environment

# A topic without publisher: frames come only from `take`.
_CAMERA = "evaluator_probe/camera"


class EvaluatorProbe:
    """An evaluator node with a subscriber of its answers, so that publishing costs as much as in real use.

    Use it as a context manager.
    """

    def __init__(self, checkpoint: Path, gallery: Path, device: str, threads: int) -> None:
        values = {"checkpoint": str(checkpoint), "gallery": str(gallery), "device": device, "torch_threads": threads,
                  "camera": _CAMERA}  # fmt: skip
        self._overrides = [Parameter(name, value=value) for name, value in values.items()]
        self._context = Context()

    def __enter__(self) -> EvaluatorProbe:
        prepare_environment()
        start_rclpy(context=self._context)
        self._node = EvaluatorNode(context=self._context, parameter_overrides=self._overrides)
        self._listener = Node("evaluator_probe_listener", context=self._context)
        self._listener.create_subscription(String, topics.ANSWER, lambda message: None, 10)
        if Classification is not None:
            self._listener.create_subscription(Classification, topics.CLASSIFICATION, lambda message: None, 10)
        if not self._node.autostart():
            raise self._node.error or RosError("the evaluator node did not start.")
        return self

    def __exit__(self, *_: object) -> None:
        self._node.close()
        self._listener.destroy_node()
        self._node.destroy_node()
        self._context.try_shutdown()

    @property
    def recognizer(self) -> Recognizer:
        """The recognizer that the node uses."""
        assert self._node.loader is not None
        assert self._node.loader.current is not None
        return self._node.loader.current

    @staticmethod
    def message(frame: NDArray[np.uint8]) -> Image:
        """Make the message that a camera sends for a frame, uint8 [H, W, 3] RGB."""
        return image_message(frame, Header(frame_id="camera"))

    def take(self, message: Image) -> None:
        """Process a frame as the node does: decode it, recognize the category, publish the answer."""
        assert self._node.feed is not None
        self._node.feed.take(message, {})
