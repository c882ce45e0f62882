"""The generated message packages are what the rest of the ROS world knows by these names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from aassl_ros.errors import RosError
from aassl_ros.messages.compile import check_compiler
from aassl_ros.messages.install import install_messages, is_installed
from aassl_ros.messages.package import load_packages
from aassl_ros.ros_environment import sourced_prefix, wheels_prefix

needs_wheels = pytest.mark.skipif(sourced_prefix() is not None, reason="a ROS installation brings its own packages")

PUBLISHER = """
import sys, time
import rclpy
from vision_msgs.msg import Classification, ObjectHypothesis
rclpy.init()
node = rclpy.create_node("publisher")
publisher = node.create_publisher(Classification, "classification", 1)
message = Classification()
message.header.frame_id = "camera"
message.results = [ObjectHypothesis(class_id="mug", score=0.75), ObjectHypothesis(class_id="bowl", score=0.25)]
until = time.monotonic() + 120
while time.monotonic() < until:
    publisher.publish(message)
    time.sleep(0.05)
"""


SERVER = """
import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionServer, GoalResponse
rclpy.init()
node = rclpy.create_node("server")
def decide(goal):
    return GoalResponse.ACCEPT if goal.trajectory.joint_names else GoalResponse.REJECT
def execute(handle):
    handle.abort()
    reason = ", ".join(f"{one.name} {one.position:g}" for one in handle.request.path_tolerance)
    code = FollowJointTrajectory.Result.PATH_TOLERANCE_VIOLATED
    return FollowJointTrajectory.Result(error_code=code, error_string=reason)
server = ActionServer(node, FollowJointTrajectory, "follow", execute, goal_callback=decide)
rclpy.spin(node)
"""


def test_a_goal_is_rejected_accepted_and_answered_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(os.getpid() % 90 + 1))
    import rclpy
    from control_msgs.action import FollowJointTrajectory
    from control_msgs.msg import JointTolerance
    from rclpy.action import ActionClient

    rclpy.init()
    server = subprocess.Popen([sys.executable, "-c", SERVER])
    try:
        node = rclpy.create_node("client")
        client = ActionClient(node, FollowJointTrajectory, "follow")

        def answer(asked):
            rclpy.spin_until_future_complete(node, asked, timeout_sec=60)
            return asked.result()

        for _ in range(400):
            rclpy.spin_once(node, timeout_sec=0.05)
            if client.server_is_ready():
                break
        goal = FollowJointTrajectory.Goal(path_tolerance=[JointTolerance(name="elbow", position=0.5)])
        rejected = answer(client.send_goal_async(goal))
        goal.trajectory.joint_names = ["elbow"]
        accepted = answer(client.send_goal_async(goal))
        ended = answer(accepted.get_result_async())
        node.destroy_node()
    finally:
        server.kill()
        server.wait()
        rclpy.shutdown()

    assert (rejected.accepted, accepted.accepted) == (False, True)
    assert ended.result.error_code == -4
    assert ended.result.error_string == "elbow 0.5"


def test_a_classification_published_by_one_process_is_received_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(os.getpid() % 90 + 1))
    import rclpy
    from vision_msgs.msg import Classification

    rclpy.init()
    publisher = subprocess.Popen([sys.executable, "-c", PUBLISHER])
    try:
        node = rclpy.create_node("subscriber")
        received: list[Classification] = []
        node.create_subscription(Classification, "classification", received.append, 1)
        for _ in range(400):
            rclpy.spin_once(node, timeout_sec=0.05)
            if received:
                break
        node.destroy_node()
    finally:
        publisher.kill()
        publisher.wait()
        rclpy.shutdown()

    assert received, "nothing came in 20 s"
    assert received[0].header.frame_id == "camera"
    assert [(result.class_id, result.score) for result in received[0].results] == [("mug", 0.75), ("bowl", 0.25)]


@needs_wheels
@pytest.mark.parametrize("package", load_packages(), ids=lambda package: package.name)
def test_the_type_hash_is_the_one_that_another_implementation_computes(package) -> None:
    # rosbags computes the hash from the fields alone, by code of its own, with its own std_msgs and geometry_msgs.
    store = get_typestore(Stores.ROS2_JAZZY)
    for path in package.messages:
        store.register(get_types_from_msg(path.read_text(), f"{package.name}/msg/{path.stem}"))
    share = Path(str(wheels_prefix())) / "share" / package.name / "msg"
    for path in package.messages:
        hashes = json.loads((share / f"{path.stem}.json").read_text())["type_hashes"]
        assert hashes[0]["hash_string"] == store.hash_rihs01(f"{package.name}/msg/{path.stem}")


@needs_wheels
def test_the_parts_of_an_action_have_the_type_hashes_that_another_implementation_computes() -> None:
    package = next(package for package in load_packages() if package.name == "control_msgs")
    store = get_typestore(Stores.ROS2_JAZZY)
    for path in package.messages:
        store.register(get_types_from_msg(path.read_text(), f"control_msgs/msg/{path.stem}"))
    definition = package.actions[0].read_text()
    for name in ("JointTolerance", "JointComponentTolerance"):
        definition = definition.replace(f"\n{name}[]", f"\ncontrol_msgs/{name}[]")
    described = json.loads(
        (Path(str(wheels_prefix())) / "share/control_msgs/action/FollowJointTrajectory.json").read_text()
    )
    hashes = {entry["type_name"]: entry["hash_string"] for entry in described["type_hashes"]}
    for part, text in zip(("Goal", "Result", "Feedback"), definition.split("---\n"), strict=True):
        name = f"control_msgs/action/FollowJointTrajectory_{part}"
        store.register(get_types_from_msg(text, name))
        assert hashes[name] == store.hash_rihs01(name)


@needs_wheels
def test_the_tf_message_has_the_type_hash_that_ros_publishes_it_with() -> None:
    # As rosbags holds it from a Jazzy installation: not made from our definitions.
    share = Path(str(wheels_prefix())) / "share/tf2_msgs/msg/TFMessage.json"
    ours = json.loads(share.read_text())["type_hashes"][0]["hash_string"]
    assert ours == get_typestore(Stores.ROS2_JAZZY).hash_rihs01("tf2_msgs/msg/TFMessage")


@needs_wheels
def test_installing_again_does_nothing() -> None:
    assert all(is_installed(package) for package in load_packages())
    assert set(install_messages().values()) == {"is already installed"}


def test_a_missing_compiler_is_named_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RosError, match=r"g\+\+.*apt install g\+\+"):
        check_compiler()


def test_missing_python_headers_are_named_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(RosError, match=rf"Python\.h.*apt install python3\.{sys.version_info.minor}-dev"):
        check_compiler()
