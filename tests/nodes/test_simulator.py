"""The simulator's process as other nodes see it over DDS: rates, stamps, trajectories, swaps, bad requests."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.topic_table import TOPICS
from aassl_ros.data.streams.messages import NANOSECONDS, frame_from_message, stamp_ns
from aassl_ros.motion.arms import load_arm
from aassl_ros.ros.conversions import time_message

_LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_HEARD: dict[str, tuple[type, Any]] = {
    topics.image_topic("camera"): (Image, 100),
    topics.camera_info_topic("camera"): (CameraInfo, 100),
    topics.JOINT_STATES: (JointState, 400),
    topics.OBJECT_POSE: (PoseStamped, 100),
    topics.JOINT_TRUTH: (JointState, 100),
    topics.SIMULATOR_OBJECT_STATE: (String, _LATCHED),
    topics.ROBOT_DESCRIPTION: (String, _LATCHED),
    "/clock": (Clock, 400),
    "/diagnostics": (DiagnosticArray, 10),
}
_IMAGES = topics.image_topic("camera")


class Ear:
    """Receives everything that the simulator publishes, and sends requests to it."""

    def __init__(self, ros: Any) -> None:
        self.ros = ros
        self.heard: dict[str, list[Any]] = defaultdict(list)
        node = ros.node("ear")
        for name, (kind, qos) in _HEARD.items():
            node.create_subscription(kind, name, self.heard[name].append, qos)
        self.commands = node.create_publisher(JointTrajectory, topics.COMMAND, 10)
        self.objects = node.create_publisher(String, topics.SIMULATOR_OBJECT, 10)

    def wait_until_running(self) -> None:
        self.ros.wait_for(lambda: len(self.heard[_IMAGES]) > 2, timeout_s=120, what="frames of the simulator")
        self.ros.wait_for(lambda: self.commands.get_subscription_count() and self.objects.get_subscription_count())

    def ask(self, request: Any) -> dict[str, Any]:
        """Send a request for an object and wait for the answer."""
        answers = self.heard[topics.SIMULATOR_OBJECT_STATE]
        before = len(answers)
        self.objects.publish(String(data=request if isinstance(request, str) else json.dumps(request)))
        self.ros.wait_for(lambda: len(answers) > before, what=f"the answer to {request}")
        return dict(json.loads(answers[-1].data))

    def stamps(self, name: str) -> list[int]:
        return [stamp_ns(message.header.stamp) for message in self.heard[name]]

    def diagnostic(self, key: str) -> str | None:
        if not self.heard["/diagnostics"]:
            return None
        return {pair.key: pair.value for pair in self.heard["/diagnostics"][-1].status[0].values}.get(key)


@pytest.fixture
def ear(ros: Any, start_node: Callable[..., subprocess.Popen[str]]) -> Ear:
    """A listener of a simulated Panda that has been running for some frames."""
    start_node("simulator", {"seed": 3})
    ear = Ear(ros)
    ear.wait_until_running()
    return ear


def test_it_sends_30_frames_and_100_joint_states_a_second_each_with_the_truth_of_its_stamp(ear: Ear) -> None:
    ear.ask({"instance": "mug_0001"})
    first = ear.stamps(_IMAGES)[-1]
    ear.ros.wait_for(lambda: ear.stamps(_IMAGES)[-1] >= first + 3 * NANOSECONDS, what="3 s of frames")
    frames = [stamp for stamp in ear.stamps(_IMAGES) if stamp > first]
    ear.ros.wait_for(lambda: ear.stamps(topics.JOINT_STATES)[-1] > frames[-1], what="the joint states around them")
    joints = [stamp for stamp in ear.stamps(topics.JOINT_STATES) if first < stamp <= frames[-1]]

    assert len(frames) == pytest.approx(30 * (frames[-1] - first) / NANOSECONDS, abs=0.1)
    assert len(joints) == pytest.approx(100 * (frames[-1] - first) / NANOSECONDS, abs=1.1)
    assert not set(frames) & set(joints)
    clock = [message.clock.sec * NANOSECONDS + message.clock.nanosec for message in ear.heard["/clock"]]
    assert clock == sorted(clock)
    # At most 100 times a second, and some more times if the simulator has skipped lost time on a busy machine.
    assert len(clock) <= 150 * (clock[-1] - clock[0]) / NANOSECONDS + 10
    ear.ros.wait_for(lambda: set(frames) <= set(ear.stamps(topics.OBJECT_POSE)), what="object poses of all frames")
    ear.ros.wait_for(lambda: set(frames) <= set(ear.stamps(topics.JOINT_TRUTH)), what="joints of all frames")
    infos = topics.camera_info_topic("camera")
    ear.ros.wait_for(lambda: set(frames) <= set(ear.stamps(infos)), what="camera_info of all frames")


def test_it_publishes_camera_info_and_robot_description(ear: Ear) -> None:
    image, info = ear.heard[_IMAGES][-1], ear.heard[topics.camera_info_topic("camera")][-1]
    ear.ros.wait_for(lambda: ear.heard[topics.ROBOT_DESCRIPTION], what="the robot description")

    assert frame_from_message(image).shape == (128, 128, 3)
    assert image.header.frame_id == info.header.frame_id == "camera_optical_frame"
    assert (info.width, info.height) == (128, 128)
    assert info.k[0] == pytest.approx(64 / np.tan(np.radians(load_arm("panda").camera_fov_deg / 2)))
    assert load_arm("panda").chain(ear.heard[topics.ROBOT_DESCRIPTION][0].data).joint_names == load_arm("panda").joints


def test_it_follows_a_trajectory_to_its_end(ear: Ear) -> None:
    arm = load_arm("panda")
    target = np.array(arm.home) + 0.15
    ear.commands.publish(_trajectory(arm.joints, target.tolist()))

    def arrived() -> bool:
        position = np.array(ear.heard[topics.JOINT_STATES][-1].position[: len(target)])
        return bool(np.allclose(position, target, atol=5e-3))

    ear.ros.wait_for(arrived, what="the arm at the trajectory's end")


def test_the_answer_to_a_swap_has_the_stamp_of_the_first_frame_that_shows_the_object(ear: Ear) -> None:
    before = frame_from_message(ear.heard[_IMAGES][-1])
    answer = ear.ask({"instance": "teapot_0002", "request": "r1"})
    ear.ros.wait_for(lambda: ear.stamps(_IMAGES)[-1] > answer["stamp"], what="frames after the swap")
    frames = dict(zip(ear.stamps(_IMAGES), ear.heard[_IMAGES], strict=True))
    last_old = max(stamp for stamp in frames if stamp < answer["stamp"])

    reported = {"instance": "teapot_0002", "category": "teapot", "request": "r1", "stamp": answer["stamp"]}
    assert answer == {"schema": "aassl_ros/simulator/object_state/1", **reported}
    assert not np.array_equal(before, frame_from_message(frames[answer["stamp"]]))
    np.testing.assert_array_equal(before, frame_from_message(frames[last_old]))
    assert min(ear.stamps(topics.OBJECT_POSE)) == answer["stamp"]


def test_an_empty_gripper_can_be_requested(ear: Ear) -> None:
    ear.ask({"instance": "car_0001"})
    answer = ear.ask({"instance": None})
    ear.ros.wait_for(lambda: ear.stamps(_IMAGES)[-1] > answer["stamp"] + NANOSECONDS // 5, what="frames after it")

    assert answer["instance"] is None
    assert max(ear.stamps(topics.OBJECT_POSE)) < answer["stamp"]


def test_bad_object_requests_are_answered_and_counted_and_the_simulator_continues(ear: Ear) -> None:
    assert "unicorn" in ear.ask({"instance": "unicorn_0001"})["error"]
    assert "category mug" in ear.ask({"instance": "mug_0001", "category": "lamp"})["error"]
    assert "instance is missing" in ear.ask("{}")["error"]
    assert "not JSON" in ear.ask("mug please")["error"]
    assert "expected" in ear.ask("[1]")["error"]
    refused = ear.ask({"instance": 5, "request": 7})
    assert "instance = 5" in refused["error"]
    assert refused["request"] == 7
    assert "stamp" in ear.ask({"instance": "mug_0001", "category": "mug"})
    ear.ros.wait_for(lambda: ear.diagnostic("objects_refused") == "6", what="the refusals in the diagnostics")


def test_a_request_that_is_replaced_by_another_is_answered_too(ear: Ear) -> None:
    answers = ear.heard[topics.SIMULATOR_OBJECT_STATE]
    for request in range(6):
        ear.objects.publish(String(data=json.dumps({"instance": f"mug_000{request}", "request": request})))
    ear.ros.wait_for(lambda: len(answers) == 6, what="six answers")
    parsed = [json.loads(answer.data) for answer in answers]

    assert sorted(answer["request"] for answer in parsed) == list(range(6))
    assert "stamp" in next(answer for answer in parsed if answer["request"] == 5)


def test_the_cameras_mount_is_published_if_tf2_msgs_is_installed(ear: Ear) -> None:
    tf2_msgs = pytest.importorskip("tf2_msgs.msg")
    received: list[Any] = []
    ear.ros.node("late").create_subscription(tf2_msgs.TFMessage, topics.TF_STATIC, received.append, _LATCHED)
    ear.ros.wait_for(lambda: received, what="the camera's mount")
    mount = received[0].transforms[0]

    assert (mount.header.frame_id, mount.child_frame_id) == ("panda_link0", "camera_optical_frame")
    place = mount.transform.translation
    assert [place.x, place.y, place.z] == pytest.approx(load_arm("panda").camera_position)


def test_bad_trajectories_are_counted_and_move_nothing(ear: Ear) -> None:
    joints = load_arm("panda").joints
    home = ear.heard[topics.JOINT_STATES][-1].position
    ear.commands.publish(_trajectory(("elbow",), [0.1]))
    ear.commands.publish(_trajectory(joints, [float("nan")] * len(joints)))
    ear.commands.publish(_trajectory(joints, [0.1]))
    ear.commands.publish(JointTrajectory(joint_names=list(joints)))
    ear.ros.wait_for(lambda: ear.diagnostic("commands_refused") == "4", what="the refusals in the diagnostics")

    np.testing.assert_allclose(ear.heard[topics.JOINT_STATES][-1].position, home, atol=1e-3)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"arm": "tentacle"}, "expected one of iiwa, panda, so101, ur5e, xarm6"),
        ({"camera_hz": 29}, "expected a divisor of 300"),
        ({"renderer": "crayon"}, "expected one of cpu, egl"),
        ({"object": "unicorn_0001"}, "unicorn"),
        ({"catalogue": "nowhere"}, "known catalogues: household"),
    ],
)
def test_a_wrong_parameter_is_a_one_line_error(
    start_node: Callable[..., subprocess.Popen[str]], parameters: dict[str, Any], says: str
) -> None:
    process = start_node("simulator", parameters)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 1
    assert says in output
    assert "Traceback" not in output


def _trajectory(joints: tuple[str, ...], target: list[float]) -> JointTrajectory:
    point = JointTrajectoryPoint(positions=target, time_from_start=time_message(NANOSECONDS // 2))
    return JointTrajectory(joint_names=list(joints), points=[point])


def test_a_second_simulator_in_the_same_ros_domain_exits(ros, start_node):
    clock = []
    ros.node().create_subscription(Clock, "/clock", clock.append, 10)
    first = start_node("simulator", {"image_size": 32})
    ros.wait_for(lambda: clock and clock[-1].clock.sec >= 5, timeout_s=120, what="four seconds of the first")
    second = start_node("simulator", {"image_size": 32})
    ros.wait_for(lambda: second.poll() is not None, what="the second to end")
    assert second.returncode == 1
    assert "another simulator publishes /clock in this ROS domain" in second.communicate()[0]
    assert first.poll() is None


def test_its_topics_offer_the_quality_of_service_that_the_docs_list(ear: Ear) -> None:
    node = ear.ros.node("looker")
    rows = [row for row in TOPICS if row.senders.startswith("simulator") and row.name != topics.TF_STATIC]

    def offered() -> dict[str, tuple[str, bool]]:
        found = {row.name: node.get_publishers_info_by_topic(row.name.replace("CAMERA", "camera")) for row in rows}
        return {
            name: (one.topic_type, one.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL)
            for name, publishers in found.items()
            for one in publishers
            if one.qos_profile.reliability == ReliabilityPolicy.RELIABLE
        }

    reported = {row.name: (row.type, row.latched) for row in rows}
    ear.ros.wait_for(lambda: offered() == reported, what=f"publishers as in the docs: {reported}")
