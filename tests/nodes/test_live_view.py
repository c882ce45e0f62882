"""`aassl view live` shows the topics of a running robot."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header

from aassl_ros.ros import conversions

pytest.importorskip("rerun", reason="rerun-sdk is not installed: pip install 'aassl_ros[view]'")


def test_images_and_joints_of_its_namespace_are_shown(ros: Any, tmp_path: Path) -> None:
    robot, other = ros.node("robot", namespace="left"), ros.node("other", namespace="right")
    images = robot.create_publisher(Image, "camera/image_raw", 10)
    joints = robot.create_publisher(JointState, "joint_states", 10)
    hidden = other.create_publisher(JointState, "joint_states", 10)

    def publish() -> None:
        header = Header(stamp=conversions.time_message(robot.get_clock().now().nanoseconds))
        images.publish(conversions.image_message(np.zeros((48, 64, 3), np.uint8), header))
        for publisher in (joints, hidden):
            publisher.publish(JointState(header=header, name=["wrist"], position=[0.5]))

    robot.create_timer(0.05, publish)
    out = tmp_path / "live.rrd"
    done = ros.run("view", "live", "--namespace", "left", "--seconds", "4", "--save", str(out))
    assert done.returncode == 0, done.stderr
    assert "/left/camera/image_raw: " in done.stdout
    shown: Counter[str] = Counter()
    for chunk in importlib.import_module("rerun.chunk").RrdReader(str(out)).stream():
        shown[chunk.entity_path] += chunk.num_rows
    assert shown["/left/camera/image_raw"] > 10
    assert shown["/left/joints/wrist/position"] > 10
    assert not [entity for entity in shown if entity.startswith("/right")]


def test_without_a_topic_one_line_says_what_to_start(ros: Any, tmp_path: Path) -> None:
    done = ros.run("view", "live", "--namespace", "nobody", "--save", str(tmp_path / "live.rrd"))
    assert done.returncode == 1
    assert "no topic under /nobody/ can be shown" in done.stderr
    assert len(done.stderr.splitlines()) == 1
