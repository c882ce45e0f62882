"""The camera node: publishes a webcam or a video file like any camera driver.

The reading is in data/streams/video_source.py.
"""

from __future__ import annotations

import array
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.camera_calibration import CameraCalibration
from aassl_ros.data.streams.video_source import VideoSettings, VideoSource, check_source
from aassl_ros.ros.base import ManagedNode, run
from aassl_ros.ros.conversions import image_message
from aassl_ros.ros.diagnostics import ERROR, OK, WARN, DiagnosticsPublisher, Report
from aassl_ros.ros.parameters import read_settings
from aassl_ros.settings import setting

# Reliable, as camera drivers publish, and deep enough for a subscriber that pauses for a second.
_QOS = QoSProfile(depth=30)


@dataclass(frozen=True)
class CameraSettings(VideoSettings):
    """Parameters of the camera node, including those of its source."""

    camera: str = setting(topics.DEFAULT_CAMERA, "Name of the camera; its image topic is CAMERA/image_raw")
    compressed: bool = setting(False, "Publish JPEG on CAMERA/image_raw/compressed instead of CAMERA/image_raw")
    jpeg_quality: int = setting(90, "Quality of the JPEG", minimum=1, maximum=100)
    calibration: str = setting(
        "", "YAML file that ROS's camera_calibration wrote, for camera_info; empty: camera_info has only the size"
    )
    frame_id: str = setting("", "Name of the camera's frame in the headers; empty: CAMERA_optical_frame")


class CameraNode(ManagedNode):
    """Publish each frame, stamped when it was read, and camera_info. Without a calibration it has only the size."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("camera", **kwargs)
        self._settings = self.declare(CameraSettings)
        self._source: VideoSource | None = None
        self._calibration: CameraCalibration | None = None
        self._said = ""
        self._reported_at, self._reported_frames = time.monotonic(), 0
        self._diagnostics = DiagnosticsPublisher(self, self._report)
        self._watch_timer = self.create_timer(0.2, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def configure(self) -> None:
        self._settings = settings = read_settings(self, CameraSettings)
        check_source(settings.source)
        path = settings.calibration
        self._calibration = CameraCalibration.read(Path(path).expanduser()) if path else None
        topic = topics.image_topic(settings.camera, compressed=settings.compressed)
        self._images = Node.create_publisher(self, CompressedImage if settings.compressed else Image, topic, _QOS)
        self._infos = Node.create_publisher(self, CameraInfo, topics.camera_info_topic(settings.camera), _QOS)

    def activate(self) -> None:
        self._source = VideoSource(self._settings, self._publish)
        self._reported_at, self._reported_frames = time.monotonic(), 0
        self._source.start()

    def deactivate(self) -> None:
        if self._source is not None:
            self._source.stop()
            self._source = None

    def cleanup(self) -> None:
        for publisher in (self._images, self._infos):
            self.destroy_publisher(publisher)

    def _publish(self, frame: NDArray[np.uint8]) -> None:
        """Publish a frame, uint8 [H, W, 3] BGR. The source's thread calls this."""
        settings = self._settings
        stamp = self.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=settings.frame_id or f"{settings.camera}_optical_frame")
        height, width = frame.shape[:2]
        self._infos.publish(_camera_info(header, width, height, self._calibration))
        if settings.compressed:
            self._images.publish(_compressed(frame, header, settings.jpeg_quality))
        else:
            self._images.publish(image_message(frame, header, encoding="bgr8"))

    def _watch(self) -> None:
        """Log a change of the source's state."""
        if self._source is None or self._source.state.line == self._said:
            return
        state = self._source.state
        self._said = state.line
        log = self.get_logger()
        log.error(f"{state.line}.") if state.lost else log.info(f"{state.line}.")

    def _report(self) -> Report:
        source = self._source
        if source is None:
            return Report(WARN, "inactive")
        now = time.monotonic()
        rate_hz = (source.frames - self._reported_frames) / max(1e-3, now - self._reported_at)
        self._reported_at, self._reported_frames = now, source.frames
        width, height = source.size
        values = {"source": self._settings.source, "frames": source.frames, "rate_hz": rate_hz}
        values |= {"width": width, "height": height, "losses": source.losses}
        state = source.state
        level = OK if state.running else ERROR if state.lost else WARN
        known = self._calibration
        if state.running and known is not None and (known.width, known.height) != source.size:
            line = f"the calibration is of {known.width} x {known.height}, frames are {width} x {height}: not used"
            return Report(WARN, line, values)
        return Report(level, state.line, values)


def _camera_info(header: Header, width: int, height: int, known: CameraCalibration | None) -> CameraInfo:
    """Make the camera info; the numbers of a calibration of another size would be wrong, and are left out."""
    info = CameraInfo(header=header, height=height, width=width)
    if known is not None and (known.width, known.height) == (width, height):
        info.distortion_model, info.d = known.model, list(known.distortion)
        info.k, info.r, info.p = list(known.matrix), list(known.rectification), list(known.projection)
    return info


def _compressed(frame: NDArray[np.uint8], header: Header, quality: int) -> CompressedImage:
    data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    message = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    message.data = array.array("B", data.tobytes())
    return message


if __name__ == "__main__":
    sys.exit(run(CameraNode))
