"""Test whether camera images arrive in another process: `python -m aassl_ros.ros.image_probe` prints JSON.

It sends 640x480 rgb8 images with best effort at 30 Hz. With the default shared memory of Fast DDS, all are lost without
any message.
"""

from __future__ import annotations

import argparse
import array
import json
import os
import statistics
import subprocess
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from aassl_ros.ros.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment

_IMAGES = 30
_PERIOD_S = 1 / 30
_DISCOVERY_S = 15.0
_QOS = QoSProfile(depth=_IMAGES, reliability=ReliabilityPolicy.BEST_EFFORT)


def main() -> int:
    """Start a sender in another process, receive its images, and print {"sent", "received", "latency_ms" (median)}."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publish-to", metavar="TOPIC", help="send images on TOPIC instead of receiving them")
    topic = parser.parse_args().publish_to
    prepare_environment()
    set_image_transport()
    rclpy.init(args=[])
    node = Node(f"aassl_image_probe_{os.getpid()}")
    try:
        if topic:
            _publish(node, topic)
        else:
            print(json.dumps(_receive(node)))
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _publish(node: Node, topic: str) -> None:
    publisher = node.create_publisher(Image, topic, _QOS)
    message = Image(height=480, width=640, encoding="rgb8", step=640 * 3)
    message.data = array.array("B", bytes(480 * 640 * 3))
    until = time.monotonic() + _DISCOVERY_S
    while publisher.get_subscription_count() == 0 and time.monotonic() < until:
        time.sleep(0.02)
    # The receiver may not have found this publisher yet.
    time.sleep(0.3)
    for _ in range(_IMAGES):
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        time.sleep(_PERIOD_S)


def _receive(node: Node) -> dict[str, float]:
    topic = f"aassl_image_probe_{os.getpid()}"
    latencies_ms: list[float] = []

    def hear(message: Image) -> None:
        sent_ns = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        latencies_ms.append((node.get_clock().now().nanoseconds - sent_ns) / 1e6)

    node.create_subscription(Image, topic, hear, _QOS)
    sender = subprocess.Popen([sys.executable, "-m", "aassl_ros.ros.image_probe", "--publish-to", topic])
    try:
        while sender.poll() is None and len(latencies_ms) < _IMAGES:
            rclpy.spin_once(node, timeout_sec=0.05)
        until = time.monotonic() + 0.5
        while len(latencies_ms) < _IMAGES and time.monotonic() < until:
            rclpy.spin_once(node, timeout_sec=0.05)
    finally:
        sender.kill()
        sender.wait()
    median = statistics.median(latencies_ms) if latencies_ms else -1.0
    return {"sent": _IMAGES, "received": len(latencies_ms), "latency_ms": median}


if __name__ == "__main__":
    sys.exit(main())
