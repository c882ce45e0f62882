"""Receive the frames of one camera in a live node. Lost and unreadable frames are counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.errors import DataError
from aassl_ros.paths import share
from aassl_ros.ros.sequence_gaps import SequenceGaps
from aassl_ros.ros.topic_subscriber import TELLS_SOURCE

# After this time without a frame, a warning is logged.
_SILENT_S = 5.0


class CameraFeed:
    """Subscribe to a camera with best effort and pass on each frame as (header, what `decode` makes of the message).

    decode: by default to uint8 [H, W, 3] RGB.
    depth: frames that may wait. The oldest are dropped, because a live node wants the newest.
    received: frames received. lost: frames published but not received. unreadable: frames with an unknown encoding or a
    wrong length.
    """

    def __init__(
        self,
        node: Node,
        camera: str,
        *,
        compressed: bool,
        depth: int,
        on_frame: Callable[[Header, Any], None],
        decode: Callable[[Any], Any] = messages.frame_from_message,
    ) -> None:
        self._node, self._on_frame, self._decode = node, on_frame, decode
        self.received = self.lost = self.unreadable = 0
        self.lag_s = 0.0
        self._problems: Counter[str] = Counter()
        self._gaps = SequenceGaps()
        self._heard_at = time.monotonic()
        self._has_problem = False
        self.topic = node.resolve_topic_name(topics.image_topic(camera, compressed=compressed))
        self._subscription = node.create_subscription(
            CompressedImage if compressed else Image,
            topics.image_topic(camera, compressed=compressed),
            self.take if TELLS_SOURCE else self._take_bare,
            QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT),
        )

    def stop(self) -> None:
        """Stop receiving."""
        self._node.destroy_subscription(self._subscription)

    def log_problem(self) -> None:
        """Log the warning of `problem` when it begins, and a line when it ends. Not all users read diagnostics."""
        problem = self.problem()
        if (problem is not None) != self._has_problem:
            self._has_problem = problem is not None
            log = self._node.get_logger()
            log.warning(problem) if problem else log.info(f"receiving {self.topic}.")

    def problem(self) -> str | None:
        """Return a warning if no frame has arrived for some time, else None."""
        silent_s = time.monotonic() - self._heard_at
        if silent_s < _SILENT_S:
            return None
        if self._node.count_publishers(self.topic) == 0:
            return f"no publisher on {self.topic}. Start the camera or name its topic (camera, image_topic)."
        if self.received:
            return f"no message on {self.topic} for {silent_s:.0f} s."
        return (
            f"{self.topic} has a publisher, but no message arrives. The publisher's shared memory may be too small "
            "for its images: start it with FASTDDS_DEFAULT_PROFILES_FILE (FASTRTPS_... before Kilted) set to "
            f"{share('config/fastdds_images.xml')}."
        )

    def take(self, message: Image | CompressedImage, info: Mapping[str, Any]) -> None:
        """Handle a message, as the subscription does. info: message information of the middleware."""
        self.received += 1
        self._heard_at = time.monotonic()
        self.lost += self._gaps.add(info, lambda: self._node.count_publishers(self.topic))
        try:
            frame = self._decode(message)
        except DataError as error:
            self._refuse(str(error))
            return
        self.lag_s = (self._node.get_clock().now().nanoseconds - messages.stamp_ns(message.header.stamp)) * 1e-9
        self._on_frame(message.header, frame)

    def _take_bare(self, message: Image | CompressedImage) -> None:
        self.take(message, {})

    def _refuse(self, problem: str) -> None:
        self.unreadable += 1
        self._problems[problem] += 1
        if self._problems[problem] == 1:  # each kind is logged once; the diagnostics have the counts
            self._node.get_logger().warning(f"{self.topic}: {problem}")
