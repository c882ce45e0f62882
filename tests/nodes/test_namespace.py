"""A robot in its own namespace: which robot description it uses, and how its frames are named."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import yaml
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image
from std_msgs.msg import String

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.interfaces import topics
from aassl_ros.motion.arms import load_arm
from aassl_ros.paths import share
from aassl_ros.ros.qos import LATCHED

URDF = load_arm("panda").urdf_path().read_text()
LEFT = ("-r", "__ns:=/left")


@pytest.fixture
def arm_file(tmp_path) -> str:
    """A panda whose URDF comes only from the topic robot_description."""
    values = yaml.safe_load(share("sim/arms/panda.yaml").read_text()) | {"urdf": ""}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    return str(tmp_path / "mine.yaml")


def describe(node: Any, topic: str, urdf: str) -> None:
    node.create_publisher(String, topic, LATCHED).publish(String(data=urdf))


def test_an_arm_is_driven_by_the_description_in_its_namespace_and_not_by_another_robots(
    ros, following_arm, start_node, arm_file
):
    arm = following_arm(ros.node("driver", namespace="left"))
    describe(ros.node("other"), topics.ABSOLUTE_ROBOT_DESCRIPTION, "<robot/>")
    describe(ros.node("own"), "/left/robot_description", URDF)
    explorer = start_node("explorer", {"simulator": False, "armed": True, "arm": arm_file}, *LEFT)
    ros.wait_for(lambda: len(arm.plans) > 2, what="motion")
    explorer.terminate()
    said = explorer.communicate(timeout=120)[0]
    assert explorer.returncode == 0
    assert "is taken from" not in said


def test_the_absolute_description_is_a_fallback_with_a_warning(ros, following_arm, start_node, arm_file):
    arm = following_arm(ros.node("driver", namespace="left"))
    explorer = start_node("explorer", {"simulator": False, "arm": arm_file}, *LEFT)
    wait = "waiting for a robot description on /left/robot_description"
    ros.wait_for(lambda: any(wait in said for _, said in arm.diagnostics), what="its wait")
    describe(ros.node("own"), topics.ABSOLUTE_ROBOT_DESCRIPTION, URDF)
    hint = "aassl call explorer/arm --namespace left"
    ros.wait_for(lambda: any(hint in said for _, said in arm.diagnostics), what="its readiness")
    explorer.terminate()
    said = explorer.communicate(timeout=120)[0]
    assert "no publisher on /left/robot_description: the robot description is taken from /robot_description" in said
    assert hint in said


def test_frames_carry_the_namespace_the_object_is_on_tf_and_the_bag_holds_the_description(ros, start_node, tmp_path):
    tf2_msgs = pytest.importorskip("tf2_msgs.msg")
    node, images, static, moving = ros.node(), [], [], []
    poses: list[Any] = []
    node.create_subscription(Image, "/left/camera/image_raw", images.append, 10)
    node.create_subscription(tf2_msgs.TFMessage, topics.TF_STATIC, static.append, LATCHED)
    node.create_subscription(tf2_msgs.TFMessage, topics.TF, moving.append, 10)
    node.create_subscription(PoseStamped, "/left/simulator/truth/object_pose", poses.append, 10)
    start_node("simulator", {"image_size": 32, "object": "mug_0003"}, *LEFT)
    recorder = start_node("recorder", {"bag": tmp_path / "bag", "use_sim_time": True}, *LEFT)
    ros.wait_for(lambda: images and static and moving and poses, what="frames and transforms")
    ros.wait_for(lambda: node.count_subscribers("/left/robot_description") == 1, what="the recorder's subscription")
    seen = len(images)
    ros.wait_for(lambda: len(images) > seen + 60, what="frames that the recorder hears, too")
    recorder.send_signal(signal.SIGINT)
    recorder.communicate(timeout=120)

    def told_twice() -> list[tuple[Any, Any]]:
        places = [message.transforms[0] for message in moving]
        return [(place, pose) for place in places for pose in poses if place.header.stamp == pose.header.stamp]

    place, pose = ros.wait_for(told_twice, what="an object's pose on both topics")[0]
    mount = static[0].transforms[0]
    assert (mount.header.frame_id, mount.child_frame_id) == ("left/panda_link0", "left/camera_optical_frame")
    assert (place.header.frame_id, place.child_frame_id) == ("left/camera_optical_frame", "left/object")
    assert images[-1].header.frame_id == pose.header.frame_id == "left/camera_optical_frame"
    assert place.transform.translation.z == pose.pose.position.z
    assert place.transform.rotation == pose.pose.orientation
    with BagReader(tmp_path / "bag") as reader:
        assert reader.session is not None
        assert reader.session.roles.robot_description == "/left/robot_description"
        texts = [reader.decode(message).data for message in reader.messages(["/left/robot_description"])]
    assert texts
    assert "package://pybullet_data/franka_panda/" in texts[0]
    assert "file://" not in texts[0]


def test_a_prefix_may_be_given_as_robot_state_publishers(ros, start_node):
    images: list[Image] = []
    ros.node().create_subscription(Image, "/left/camera/image_raw", images.append, 10)
    start_node("simulator", {"image_size": 32, "frame_prefix": "cell_2/"}, *LEFT)
    ros.wait_for(lambda: images, what="frames")
    assert images[0].header.frame_id == "cell_2/camera_optical_frame"
