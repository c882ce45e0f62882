"""Publish the transforms of the simulator's camera and object on /tf_static and /tf."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile

from aassl_ros.data.interfaces import topics
from aassl_ros.nodes.simulator_messages import transform_message
from aassl_ros.ros.qos import LATEST

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # there is no wheel; `make setup` generates it
    TFMessage = None

_AUTO = "auto"
_QOS = QoSProfile(depth=30)


class SimulatorTransforms:
    """Frame names, and publishers of the transforms between the frames.

    prefix: prefix of every frame name, as the frame_prefix of robot_state_publisher. "auto": the node's namespace and a
    slash, or nothing in the root namespace.
    """

    def __init__(self, node: Node, *, prefix: str, base_link: str, camera: str) -> None:
        namespace = node.get_namespace().strip("/")
        if prefix == _AUTO:
            prefix = f"{namespace}/" if namespace else ""
        self.base_frame = f"{prefix}{base_link}"
        self.optical_frame = f"{prefix}{camera}_optical_frame"
        self.object_frame = f"{prefix}object"
        if TFMessage is None:
            node.get_logger().warning(
                f"tf2_msgs is not installed: {topics.TF_STATIC} and {topics.TF} are not published. Run make setup."
            )
            return
        self._static = node.create_publisher(TFMessage, topics.TF_STATIC, LATEST)
        self._moving = node.create_publisher(TFMessage, topics.TF, _QOS)

    def publish_camera(self, stamp_ns: int, pose: NDArray[np.float64]) -> None:
        """Publish the pose [7] of the camera's optical frame in the base frame. Late subscribers get it, too."""
        if TFMessage is not None:
            mount = transform_message(stamp_ns, self.base_frame, self.optical_frame, pose)
            self._static.publish(TFMessage(transforms=[mount]))

    def publish_object(self, stamp_ns: int, pose: NDArray[np.float64]) -> None:
        """Publish the pose [7] of the object in the camera's optical frame."""
        if TFMessage is not None:
            place = transform_message(stamp_ns, self.optical_frame, self.object_frame, pose)
            self._moving.publish(TFMessage(transforms=[place]))
