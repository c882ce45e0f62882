"""The frames of one camera for a live consumer; every one that is lost or cannot be read is counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
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

# A camera that publishes and is not heard for so long is said aloud.
_SILENT_S = 5.0


class CameraFeed:
    """Subscribes to a camera and hands on each frame as (header, uint8 [H, W, 3] RGB), with best effort.

    depth: frames that may wait; the oldest give way, for a live consumer wants the newest. received: frames heard;
    lost: published but never heard; unreadable: of an unknown encoding or a wrong length.
    """

    def __init__(
        self,
        node: Node,
        camera: str,
        *,
        compressed: bool,
        depth: int,
        on_frame: Callable[[Header, NDArray[np.uint8]], None],
    ) -> None:
        self._node, self._on_frame = node, on_frame
        self.received = self.lost = self.unreadable = 0
        self.lag_s = 0.0
        self._problems: Counter[str] = Counter()
        self._gaps = SequenceGaps()
        self._heard_at = time.monotonic()
        self._in_trouble = False
        self.topic = node.resolve_topic_name(topics.image_topic(camera, compressed=compressed))
        self._subscription = node.create_subscription(
            CompressedImage if compressed else Image,
            topics.image_topic(camera, compressed=compressed),
            self.take if TELLS_SOURCE else self._take_bare,
            QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT),
        )

    def stop(self) -> None:
        """Hear no more."""
        self._node.destroy_subscription(self._subscription)

    def say_trouble(self) -> None:
        """Log what `trouble` tells, once until it has passed: not everybody looks at the diagnostics."""
        trouble = self.trouble()
        if (trouble is not None) != self._in_trouble:
            self._in_trouble = trouble is not None
            log = self._node.get_logger()
            log.warning(trouble) if trouble else log.info(f"{self.topic} is heard.")

    def trouble(self) -> str | None:
        """A line if nothing is heard of the camera, else None."""
        silent_s = time.monotonic() - self._heard_at
        if silent_s < _SILENT_S:
            return None
        if self._node.count_publishers(self.topic) == 0:
            return f"nobody publishes {self.topic}. Start the camera or name its topic (camera, image_topic)."
        if self.received:
            return f"{self.topic} has been silent for {silent_s:.0f} s."
        return (
            f"{self.topic} is published but not heard. Its publisher's shared memory may be too small for its images: "
            "start it with FASTDDS_DEFAULT_PROFILES_FILE (FASTRTPS_... before Kilted) set to "
            f"{share('config/fastdds_images.xml')}."
        )

    def take(self, message: Image | CompressedImage, info: Mapping[str, Any]) -> None:
        """Handle a message, as the subscription does; info: what the middleware tells of its origin."""
        self.received += 1
        self._heard_at = time.monotonic()
        self.lost += self._gaps.add(info, lambda: self._node.count_publishers(self.topic))
        try:
            frame = messages.frame_from_message(message)
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
        if self._problems[problem] == 1:  # each kind once; the counts go on in the diagnostics
            self._node.get_logger().warning(f"{self.topic}: {problem}")
