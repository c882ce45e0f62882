"""Features of live images: subscribe to an image topic, embed each frame, print one JSON line a frame.

Teaches: how to load an exported encoder, decode an image message, and embed it as training saw its frames.

Run:
    aassl export RUN -o encoder.safetensors
    python examples/live_embedding.py encoder.safetensors --topic camera/image_raw
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import rclpy
import torch
from numpy.typing import NDArray
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from aassl_ros.data.streams import frame_from_message, stamp_ns, to_square
from aassl_ros.learning.encoders import Backbone, load_backbone


@torch.inference_mode()
def embed(backbone: Backbone, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features float32 [D] of a frame, uint8 [H, W, 3] RGB of any size."""
    square = torch.from_numpy(to_square(frame, backbone.settings.image_size))[None]
    return backbone.encoder(backbone.plain(square))[0].numpy()


class EmbeddingNode(Node):
    """Prints `{"stamp_ns": ..., "features": [...]}` for each image; `frames` counts them."""

    def __init__(self, backbone: Backbone, topic: str) -> None:
        super().__init__("live_embedding")
        self.frames = 0
        self._backbone = backbone
        # The newest frame only: one that waits is old by the time it is embedded.
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(Image, topic, self._on_image, newest)

    def _on_image(self, message: Image) -> None:
        features = embed(self._backbone, frame_from_message(message))
        print(json.dumps({"stamp_ns": stamp_ns(message.header.stamp), "features": features.tolist()}), flush=True)
        self.frames += 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Features of live images.")
    parser.add_argument("encoder", type=Path, metavar="FILE", help="what aassl export wrote: FILE.safetensors")
    parser.add_argument("--topic", default="camera/image_raw", help="of type sensor_msgs/Image (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=0, help="stop after so many frames (default: 0, never)")
    arguments = parser.parse_args()

    rclpy.init(args=[])
    node = EmbeddingNode(load_backbone(arguments.encoder), arguments.topic)
    try:
        while not arguments.frames or node.frames < arguments.frames:
            rclpy.spin_once(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
