"""The nodes use only what every ROS distribution has. Tests run on one of them, CI's containers on the others."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from aassl_ros.ros import camera, conversions

PACKAGE = Path(__file__).resolve().parents[2] / "aassl_ros"
# What we use of rclpy 3.3 (Humble), as its source has it; Jazzy, Kilted and Lyrical must have all of it, too.
ON_HUMBLE = {
    "rclpy.action": {"ActionClient", "ActionServer", "CancelResponse", "GoalResponse"},
    "rclpy.clock": {"Clock", "ClockType"},
    "rclpy.context": {"Context"},
    "rclpy.duration": {"Duration"},
    "rclpy.exceptions": {"InvalidParameterTypeException", "InvalidParameterValueException", "NameValidationException"},
    "rclpy.callback_groups": {"MutuallyExclusiveCallbackGroup"},
    "rclpy.executors": {"ExternalShutdownException", "SingleThreadedExecutor"},
    "rclpy.lifecycle": {"LifecycleNode", "LifecycleState", "TransitionCallbackReturn"},
    "rclpy.node": {"Node"},
    "rclpy.parameter": {"Parameter"},
    "rclpy.publisher": {"Publisher"},
    "rclpy.qos": {"DurabilityPolicy", "HistoryPolicy", "QoSProfile", "ReliabilityPolicy"},
    "rclpy.signals": {"SignalHandlerOptions"},
    "rclpy.subscription": {"Subscription"},
    "rclpy.timer": {"Timer"},
    "rclpy.validate_topic_name": {"validate_topic_name"},
    "rclpy.topic_endpoint_info": {"TopicEndpointInfo"},
    "rclpy.utilities": {"get_rmw_implementation_identifier"},
}


def unconditional_imports(part: ast.AST) -> list[ast.ImportFrom]:
    """The imports of a file, except those inside a `try`, which handles their failure."""
    found = [part] if isinstance(part, ast.ImportFrom) else []
    return found + [
        each
        for child in ast.iter_child_nodes(part)
        if not isinstance(child, ast.Try)
        for each in unconditional_imports(child)
    ]


def test_nothing_is_imported_of_rclpy_that_humble_lacks() -> None:
    for file in sorted(PACKAGE.rglob("*.py")):
        for statement in unconditional_imports(ast.parse(file.read_text(encoding="utf-8"))):
            if statement.module is not None and statement.module.split(".")[0] == "rclpy":
                names = {alias.name for alias in statement.names}
                assert names <= ON_HUMBLE.get(statement.module, set()), f"{file.name}: {statement.module}"


@pytest.mark.parametrize("module", ON_HUMBLE)
def test_the_installed_rclpy_has_all_that_is_imported_of_it(module: str) -> None:
    lacking = {name for name in ON_HUMBLE[module] if not hasattr(importlib.import_module(module), name)}
    assert not lacking


@pytest.mark.parametrize("tells_source", [camera.TELLS_SOURCE, False])
def test_a_camera_is_received_with_and_without_message_information(
    ros, monkeypatch: pytest.MonkeyPatch, tells_source: bool
) -> None:
    monkeypatch.setattr(camera, "TELLS_SOURCE", tells_source)
    node = ros.node()
    heard: list[np.ndarray] = []
    feed = camera.CameraFeed(
        node, "camera", compressed=False, depth=1, on_frame=lambda header, frame: heard.append(frame)
    )
    publisher = node.create_publisher(Image, "camera/image_raw", 10)
    ros.wait_for(lambda: publisher.get_subscription_count() == 1, what="the subscription")
    publisher.publish(conversions.image_message(np.full((2, 3, 3), 7, np.uint8), Header()))
    ros.wait_for(lambda: heard, what="the frame")
    assert heard[0].shape == (2, 3, 3)
    assert (feed.received, feed.lost) == (1, 0)
