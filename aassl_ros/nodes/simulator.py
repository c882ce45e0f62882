"""The simulator node: an arm that turns an object in front of a camera, with the topics of a real arm and camera."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import ObjectRequest, ObjectState
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.data.streams.messages import trajectory_from_message
from aassl_ros.errors import SimulationError, TrajectoryError
from aassl_ros.motion.arms import load_arm
from aassl_ros.nodes.simulator_messages import (
    camera_info_message,
    header,
    joint_state_message,
    pose_message,
)
from aassl_ros.nodes.simulator_transforms import SimulatorTransforms
from aassl_ros.ros.base import run
from aassl_ros.ros.conversions import image_message, time_message
from aassl_ros.ros.diagnostics import OK, WARN, DiagnosticsPublisher, Report
from aassl_ros.ros.json_subscription import JsonSubscription
from aassl_ros.ros.parameters import declare_settings
from aassl_ros.ros.qos import LATEST, latched
from aassl_ros.settings import setting
from aassl_ros.sim.simulation import START_NS, FrameEvent, JointEvent, Simulation, SimulationSettings
from aassl_ros.sim.world import World

# Reliable, and deep enough for a subscriber that pauses for a second.
_IMAGE_QOS = QoSProfile(depth=30)
_JOINT_QOS = QoSProfile(depth=100)
# An explorer that starts a moment later still gets the last answers.
_ANSWER_QOS = latched(10)
# Shortest period of /clock.
_TURN_S = 0.01
_COUNTS = ("frames", "joint_states", "commands", "commands_refused", "objects", "objects_refused", "pauses")
# If the simulator lags by more than this, it skips the lost time and does not try to catch up. Commands are received
# only between turns, so they would be followed too late in a long turn.
_LARGEST_LAG_S = 0.1


# DDS discovers other nodes within this time.
_DISCOVERY_S = 3.0


@dataclass(frozen=True)
class SimulatorSettings(SimulationSettings):
    """Parameters of the simulator node, including those of its world."""

    arm: str = setting(
        "panda", "Arm configuration: a name in sim/arms (panda, iiwa, xarm6, ur5e, so101) or the path of a YAML file"
    )
    camera: str = setting(topics.DEFAULT_CAMERA, "Name of the camera; its image topic is CAMERA/image_raw")
    object: str = setting("", "Instance in the gripper at the start, such as mug_0003; empty: none")
    frame_prefix: str = setting(
        "auto",
        "Prefix of every frame name, as the frame_prefix of robot_state_publisher; auto: the namespace and a slash, if "
        "there is one",
    )
    speed: float = setting(1.0, "Speed of the simulated time: simulated seconds per second", minimum=0.05, maximum=20.0)


class SimulatorNode(Node):
    """Simulator that publishes the topics of a camera and an arm driver, and the true poses and joint states.

    It follows trajectories and swaps objects. The simulation itself is in aassl_ros/sim.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("simulator", **kwargs)
        self._settings = declare_settings(self, SimulatorSettings, read_only=True)
        self._arm = load_arm(self._settings.arm)
        self._world = World(self._arm, self._settings, self._settings.seed)
        self._simulation = Simulation(self._world, self._settings)
        if self._world.renderer.fallback is not None:
            self.get_logger().warning(f"EGL does not work here ({self._world.renderer.fallback}): the CPU renders.")
        self._counts: Counter[str] = Counter()
        self._unanswered: ObjectRequest | None = None
        self._transforms = SimulatorTransforms(
            self, prefix=self._settings.frame_prefix, base_link=self._arm.base_link, camera=self._settings.camera
        )
        self._optical_frame = self._transforms.optical_frame
        self._create_publishers()
        self._publish_description()
        if self._settings.object:
            self._swap(ObjectRequest(self._settings.object))
        # In this order: the explorer recognizes a simulator by its subscription to object requests.
        self._requests = JsonSubscription(
            self, topics.SIMULATOR_OBJECT, ObjectRequest.parse, self._on_object, 50, on_refused=self._on_bad_request
        )
        self.create_subscription(JointTrajectory, topics.COMMAND, self._on_command, 50)
        self._begun_s = time.monotonic()
        self._timer = self.create_timer(_TURN_S, self._take_turn, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = DiagnosticsPublisher(self, self._report)
        self._reported = (self._begun_s, START_NS)
        self.finished, self.exit_status = False, 0
        self._alone_timer = self.create_timer(0.2, self._check_alone, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        self._world.close()
        super().destroy_node()

    def _check_alone(self) -> None:
        """Exit if another simulator runs in this ROS domain: both would publish /clock and follow the same commands."""
        if self.count_publishers("/clock") > 1:
            self.get_logger().error(
                "another simulator publishes /clock in this ROS domain. Stop it, or set another ROS_DOMAIN_ID."
            )
            self.finished, self.exit_status = True, 1
        elif time.monotonic() - self._begun_s > _DISCOVERY_S:
            self._alone_timer.cancel()

    def _create_publishers(self) -> None:
        camera = self._settings.camera
        self._clock_publisher = self.create_publisher(ClockMessage, "/clock", 1)
        self._images = self.create_publisher(Image, topics.image_topic(camera), _IMAGE_QOS)
        self._camera_info = self.create_publisher(CameraInfo, topics.camera_info_topic(camera), _IMAGE_QOS)
        self._joints = self.create_publisher(JointState, topics.JOINT_STATES, _JOINT_QOS)
        self._object_truth = self.create_publisher(PoseStamped, topics.OBJECT_POSE, _IMAGE_QOS)
        self._joint_truth = self.create_publisher(JointState, topics.JOINT_TRUTH, _IMAGE_QOS)
        self._answers = self.create_publisher(String, topics.SIMULATOR_OBJECT_STATE, _ANSWER_QOS)

    def _publish_description(self) -> None:
        """Publish the arm's URDF and the camera's mount. Late subscribers get them, too."""
        self._description = self.create_publisher(String, topics.ROBOT_DESCRIPTION, LATEST)
        self._description.publish(String(data=self._world.robot_description))
        self._transforms.publish_camera(START_NS, self._world.camera_pose())

    def _take_turn(self) -> None:
        """Run the simulation up to the present time, then publish its events."""
        wanted_ns = START_NS + round((time.monotonic() - self._begun_s) * self._settings.speed * 1e9)
        behind_s = (wanted_ns - self._simulation.time_ns) / 1e9 / self._settings.speed
        if behind_s > _LARGEST_LAG_S:
            self._begun_s += behind_s - _TURN_S
            self._counts["pauses"] += 1
            wanted_ns -= round((behind_s - _TURN_S) * self._settings.speed * 1e9)
        events = list(self._simulation.run_until(wanted_ns))
        # The clock first, so that no subscriber stamps the receipt of a message earlier than the message itself.
        self._clock_publisher.publish(ClockMessage(clock=time_message(self._simulation.time_ns)))
        for event in events:
            if isinstance(event, JointEvent):
                self._counts["joint_states"] += 1
                self._joints.publish(joint_state_message(event.stamp_ns, event.joints))
            else:
                self._publish_frame(event)

    def _publish_frame(self, event: FrameEvent) -> None:
        self._counts["frames"] += 1
        head = header(event.stamp_ns, self._optical_frame)
        if event.object_pose is not None:
            self._object_truth.publish(pose_message(event.stamp_ns, self._optical_frame, event.object_pose))
            self._transforms.publish_object(event.stamp_ns, event.object_pose)
        self._joint_truth.publish(joint_state_message(event.stamp_ns, event.joints))
        size = self._settings.image_size
        self._camera_info.publish(camera_info_message(head, self._world.camera_matrix(), size))
        self._images.publish(image_message(event.frame, head))
        if event.is_first and self._unanswered is not None:
            shown = self._unanswered
            self._answer(ObjectState(shown.request, shown.instance, shown.category, event.stamp_ns))
            self._unanswered = None

    def _on_command(self, message: JointTrajectory) -> None:
        try:
            self._simulation.command(trajectory_from_message(message))
            self._counts["commands"] += 1
        except TrajectoryError as error:
            self._refuse("commands_refused", str(error))

    def _on_object(self, request: ObjectRequest) -> None:
        try:
            self._swap(request)
        except SimulationError as error:
            self._refuse("objects_refused", str(error))
            self._answer(ObjectState(request.request, error=str(error)))

    def _on_bad_request(self, error: JsonMessageError) -> None:
        self._counts["objects_refused"] += 1
        self._answer(ObjectState(error.values.get("request"), error=str(error)))

    def _swap(self, request: ObjectRequest) -> None:
        """Swap the object. The answer is published with the first new frame. Raises SimulationError."""
        category = request.category
        if request.instance is not None:
            found = self._world.catalogue.find(request.instance).category
            if category not in (None, "", found):
                raise SimulationError(
                    f"instance {request.instance} is of category {found}, but the request has {category!r}."
                )
            category = found
        self._simulation.swap_object(request.instance)
        if self._unanswered is not None:
            self._answer(ObjectState(self._unanswered.request, error="replaced before its first frame."))
        self._unanswered = ObjectRequest(request.instance, category, request.request)
        self._counts["objects"] += 1

    def _answer(self, answer: ObjectState) -> None:
        self._answers.publish(String(data=answer.to_json()))

    def _refuse(self, count: str, problem: str) -> None:
        self._counts[count] += 1
        self.get_logger().warning(f"refused: {problem}", throttle_duration_sec=1.0)

    def _report(self) -> Report:
        now_s, now_ns = time.monotonic(), self._simulation.time_ns
        before_s, before_ns = self._reported
        self._reported = (now_s, now_ns)
        speed = (now_ns - before_ns) / 1e9 / max(now_s - before_s, 1e-9)
        slow = speed < 0.9 * self._settings.speed
        held = self._world.object
        values = {
            "speed": speed,
            "object": held.instance if held is not None else "",
            "renderer": self._world.renderer.name,
            **{key: self._counts[key] for key in _COUNTS},
        }
        message = f"running at {speed:.2f} of real time, expected {self._settings.speed:g}" if slow else "running"
        return Report(WARN if slow else OK, message, values)


def main() -> int:
    """Run the simulator as a process."""
    return run(SimulatorNode)


if __name__ == "__main__":
    sys.exit(main())
