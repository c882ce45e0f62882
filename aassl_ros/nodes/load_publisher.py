"""A synthetic robot for `aassl bench record` and `aassl bench kill`: cameras and joint states at given rates.

Messages are encoded once, and only their stamps change, so that publishing costs little. The stamp of every published
message is written to a file, so that a bag can be compared with what was sent.
"""

from __future__ import annotations

import argparse
import heapq
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image, JointState

from aassl_ros.data.streams.synthetic_load import JOINTS, Load, Stream, record_of, streams, to_line
from aassl_ros.ros.context import start_rclpy
from aassl_ros.ros.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment

_CLASSES = {"Image": Image, "CompressedImage": CompressedImage, "JointState": JointState}


def run(load: Load, out: Path, seconds: float) -> dict[str, object]:
    """Publish for a time after every topic has a subscriber, or until SIGINT. Returns what was sent."""
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    node = Node("load_publisher")
    sent = streams(load)
    publishers = [
        node.create_publisher(
            _CLASSES[stream.type.rsplit("/", 1)[1]],
            stream.topic,
            QoSProfile(depth=2000 if stream.topic == JOINTS else 60),
        )
        for stream in sent
    ]
    print("ready", flush=True)
    while not stopped and not all(publisher.get_subscription_count() for publisher in publishers):
        time.sleep(0.02)
    print("publishing", flush=True)
    begun = time.monotonic()
    due = [(begun + number * 0.001, number) for number in range(len(sent))]
    heapq.heapify(due)
    late = 0.0
    with out.open("wb", buffering=0) as stamps:
        while not stopped and due[0][0] < begun + seconds:
            at, number = due[0]
            if (wait := at - time.monotonic()) > 0:
                time.sleep(wait)
            stream: Stream = sent[number]
            stamp_ns = time.time_ns()
            publishers[number].publish(stream.stamped(stamp_ns))
            stamps.write(record_of(number, stamp_ns))
            stream.count += 1
            late = max(late, -wait)
            heapq.heapreplace(due, (at + 1 / stream.rate_hz, number))
    elapsed = time.monotonic() - begun
    time.sleep(0.5 if not stopped else 0.0)  # so that the middleware can send the last messages
    node.destroy_node()
    return {"seconds": elapsed, "late_s": late, "sent": {stream.topic: stream.count for stream in sent}}


def main() -> int:
    """Publish as the arguments say, and print what was sent as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", help="JSON of the load")
    parser.add_argument("--out", type=Path, required=True, help="file for the stamps")
    parser.add_argument("--seconds", type=float, default=1e9)
    arguments = parser.parse_args()
    prepare_environment()
    set_image_transport()
    start_rclpy([])
    print(to_line(run(Load.from_text(arguments.load), arguments.out, arguments.seconds)), flush=True)
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
