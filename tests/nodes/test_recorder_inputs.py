"""What a recorder takes in over DDS: several cameras, and commands of every accepted type."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from control_msgs.msg import JointTrajectoryControllerState
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectoryPoint

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.prepare.prepare import PrepareSettings, prepare
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError

SECOND, MS = 1_000_000_000, 1_000_000
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
Starter = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_recorder(start_node: Any) -> Starter:
    def start(path: Path, **parameters: Any) -> subprocess.Popen[str]:
        recorder: subprocess.Popen[str] = start_node("recorder", {"bag": path, "sample_timeout": 1.5, **parameters})
        assert recorder.stdout is not None
        line = recorder.stdout.readline()
        assert "Recording into" in line, line + recorder.stdout.read()
        return recorder

    return start


def stop(recorder: subprocess.Popen[str]) -> str:
    recorder.send_signal(signal.SIGINT)
    return recorder.communicate(timeout=120)[0]


def stamped(message: Any, stamp_ns: int) -> Any:
    message.header.stamp.sec, message.header.stamp.nanosec = stamp_ns // SECOND, stamp_ns % SECOND
    return message


def episode(begin_ns: int) -> String:
    identity = "00000000-0000-0000-0000-000000000001"
    return String(data=f'{{"id": "{identity}", "stamp": {begin_ns}, "event": "start", "instance": "mug"}}')


def image(stamp_ns: int, grey: int, encoding: str = "rgb8", size: int = 16) -> Image:
    width = {"rgb8": 3, "16UC1": 2}[encoding] * size
    pixels = bytes([grey]) * (width * size)
    return stamped(Image(height=size, width=size, encoding=encoding, step=width, data=pixels), stamp_ns)


def heard(*publishers: Any) -> Callable[[], bool]:
    return lambda: all(publisher.get_subscription_count() > 0 for publisher in publishers)


def test_each_of_two_cameras_has_its_samples_and_prepare_takes_the_one_that_is_named(
    ros: Any, start_recorder: Starter, tmp_path: Path
) -> None:
    node = ros.node("robot")
    cameras = {name: node.create_publisher(Image, f"{name}/image_raw", 100) for name in ("front", "wrist")}
    joints = node.create_publisher(JointState, "joint_states", 100)
    episodes = node.create_publisher(String, "episode", LATCHED)
    begin = node.get_clock().now().nanoseconds
    episodes.publish(episode(begin))
    recorder = start_recorder(tmp_path / "bag", cameras='["front", "wrist"]')
    ros.wait_for(heard(*cameras.values(), joints, episodes))
    for k in range(100):
        now = begin + k * 10 * MS
        joints.publish(stamped(JointState(name=["a"], position=[k * 0.01]), now))
        if k % 4 == 2:
            cameras["front"].publish(image(now + 3 * MS, 50))
        if k % 10 == 5:
            cameras["wrist"].publish(image(now + 7 * MS, 200))
        ros.spin(0.002)
    said = stop(recorder)
    assert "35 frames received, 35 written, 0 dropped; 35 with sample" in said
    assert "/wrist/image_raw: 10 received, 10 written" in said
    assert check_bag(tmp_path / "bag") == []
    with BagReader(tmp_path / "bag") as reader:
        assert reader.session is not None
        assert reader.session.roles.cameras == {"front": "/front/image_raw", "wrist": "/wrist/image_raw"}
        counts = [reader.topics[f"/recorder/sample/{name}/joint_state"].message_count for name in cameras]
    assert counts == [25, 10]
    with pytest.raises(BagError, match=r"holds cameras front, wrist .* Choose one with --camera"):
        prepare([tmp_path / "bag"], tmp_path / "data", PrepareSettings(image_size=8))
    for name, grey, offset in (("front", 50, 0.023), ("wrist", 200, 0.057)):
        prepare([tmp_path / "bag"], tmp_path / name, PrepareSettings(image_size=8, camera=name))
        data = PreparedData.open(tmp_path / name)
        assert np.unique(np.asarray(data.frames)).tolist() == [grey]
        assert data.joint_position[0, 0] == pytest.approx(offset, abs=1e-6)


def test_cameras_of_different_transports_are_recorded_and_raw_images_as_jpeg(
    ros: Any, start_recorder: Starter, tmp_path: Path
) -> None:
    node = ros.node("robot")
    front = node.create_publisher(Image, "front/image_raw", 100)
    wrist = node.create_publisher(CompressedImage, "wrist/image_raw/compressed", 100)
    depth = node.create_publisher(Image, "depth/image_raw", 100)
    joints = node.create_publisher(JointState, "joint_states", 100)
    episodes = node.create_publisher(String, "episode", LATCHED)
    begin = node.get_clock().now().nanoseconds
    episodes.publish(episode(begin))
    transports = {"cameras": '["front", "wrist", "depth"]', "image_transport": "wrist:compressed", "jpeg_quality": 90}
    recorder = start_recorder(tmp_path / "bag", **transports)
    ros.wait_for(heard(front, wrist, depth, joints, episodes))
    png = cv2.imencode(".png", np.full((16, 16, 3), 200, np.uint8))[1].tobytes()
    for k in range(100):
        now = begin + k * 10 * MS
        joints.publish(stamped(JointState(name=["a"], position=[k * 0.01]), now))
        if k % 4 == 2:
            front.publish(image(now + 3 * MS, 50))
            depth.publish(image(now + 3 * MS, 50, "16UC1"))
        if k % 10 == 5:
            wrist.publish(stamped(CompressedImage(format="bgr8; png compressed bgr8", data=png), now + 7 * MS))
        ros.spin(0.002)
    said = stop(recorder)
    assert "60 frames received, 60 written, 0 dropped; 60 with sample" in said, said
    assert "/depth/image_raw is recorded raw in spite of jpeg_quality: An image has encoding '16UC1'" in said
    assert check_bag(tmp_path / "bag") == []
    with BagReader(tmp_path / "bag") as reader:
        assert reader.session is not None
        assert reader.session.roles.cameras == {
            "front": "/front/image_raw/compressed",
            "wrist": "/wrist/image_raw/compressed",
            "depth": "/depth/image_raw",
        }
        (jpeg, *_), (other, *_) = (
            [reader.decode(one) for one in reader.messages([f"/{name}/image_raw/compressed"])]
            for name in ("front", "wrist")
        )
        assert (jpeg.format, bytes(jpeg.data[:2])) == ("rgb8; jpeg compressed bgr8", b"\xff\xd8")
        assert (other.format, bytes(other.data)) == ("bgr8; png compressed bgr8", png)
        counts = [
            reader.topics[f"/recorder/sample/{name}/joint_state"].message_count for name in reader.session.roles.cameras
        ]
    assert counts == [25, 10, 25]
    for name, grey, offset in (("front", 50, 0.023), ("wrist", 200, 0.057)):
        prepare([tmp_path / "bag"], tmp_path / name, PrepareSettings(image_size=8, camera=name))
        data = PreparedData.open(tmp_path / name)
        assert np.unique(np.asarray(data.frames)).tolist() == [grey]
        assert data.joint_position[0, 0] == pytest.approx(offset, abs=1e-6)


def test_a_command_of_each_accepted_type_is_at_each_frame(ros: Any, start_recorder: Starter, tmp_path: Path) -> None:
    node = ros.node("robot")
    camera = node.create_publisher(Image, "camera/image_raw", 100)
    joints = node.create_publisher(JointState, "joint_states", 100)
    controller = node.create_publisher(JointTrajectoryControllerState, "controller/controller_state", 100)
    leader = node.create_publisher(JointState, "leader/joint_states", 100)
    forward = node.create_publisher(Float64MultiArray, "gripper/commands", 100)
    topics = "arm:controller/controller_state", "leader:leader/joint_states", "gripper:gripper/commands"
    recorder = start_recorder(tmp_path / "bag", command_topics="[" + ", ".join(f'"{one}"' for one in topics) + "]")
    ros.wait_for(heard(camera, joints, controller, leader, forward))
    begin = node.get_clock().now().nanoseconds
    forward.publish(Float64MultiArray(data=[0.04]))  # wrong: the gripper of a panda has two joints
    forward.publish(Float64MultiArray(data=[0.03, 0.04]))
    ros.spin(0.3)
    for k in range(60):
        now = begin + 10 * SECOND + k * 10 * MS
        joints.publish(stamped(JointState(name=["a"], position=[k * 0.01]), now))
        if k % 2 == 0:
            reference = JointTrajectoryPoint(positions=[k * 0.01])
            controller.publish(
                stamped(JointTrajectoryControllerState(joint_names=["a"], reference=reference), now + 1 * MS)
            )
            leader.publish(stamped(JointState(name=["l"], position=[float(k)]), now + 1 * MS))
        if k % 4 == 3:
            camera.publish(image(now + 6 * MS, 50))
        ros.spin(0.005)
    said = stop(recorder)
    assert "1 commands refused" in said
    with BagReader(tmp_path / "bag") as reader:
        sampled = [reader.decode(one) for one in reader.messages(["/recorder/sample/camera/joint_command"])]
        ledger = reader.ledger
    assert ledger is not None
    assert any("has 1 positions, but its joint group has 2 joints" in warning for warning in ledger.warnings)
    assert len(sampled) == 14  # after the last frame comes no joint state
    for number, one in enumerate(sampled):
        k = 4 * number + 3
        command = dict(zip(one.name, one.position, strict=True))
        assert command["panda_finger_joint1"] == 0.03
        assert command["panda_finger_joint2"] == 0.04
        assert command["l"] == k - 1  # the last one before the frame
        assert command["a"] == pytest.approx(k * 0.01 + 0.005, abs=1e-9)  # on a line between two references
        assert messages.stamp_ns(one.header.stamp) == begin + 10 * SECOND + k * 10 * MS + 6 * MS
