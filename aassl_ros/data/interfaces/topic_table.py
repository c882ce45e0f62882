"""Every topic: type, who sends it to whom, quality of service. docs/topics.md is generated from here."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.interfaces import topics


@dataclass(frozen=True)
class TopicRow:
    """One topic. depth, latched: of our publisher, which is always reliable; latched is transient local.

    asked: what our subscribers ask for. depth 0: in the bag alone.
    """

    name: str
    type: str
    senders: str
    receivers: str
    what: str
    depth: int
    latched: bool = False
    asked: str = ""

    @property
    def offered(self) -> str:
        """Quality of service of our publisher, in words."""
        if self.depth == 0:
            return "in the bag alone"
        return f"reliable, {'transient local' if self.latched else 'volatile'}, depth {self.depth}"


_IMAGE = "sensor_msgs/msg/Image"
_JOINT_STATE = "sensor_msgs/msg/JointState"
STRING = "std_msgs/msg/String"
_CAMERA = "CAMERA"
_SIMULATOR = "simulator"
_FRAMES_ASKED = "trainer: best effort, depth 5; evaluator: best effort, depth 1; recorder: as offered"
_AS_OFFERED = "recorder: as offered"

TOPICS = (
    TopicRow(topics.image_topic(_CAMERA), _IMAGE, "simulator, camera driver", "recorder, trainer, evaluator",
             "Camera frames, stamped when they were taken. CAMERA is `camera` unless set.", 30, asked=_FRAMES_ASKED),
    TopicRow(topics.image_topic(_CAMERA, compressed=True), "sensor_msgs/msg/CompressedImage", "camera driver",
             "recorder, trainer, evaluator", "The same, if `compressed` is set. The simulator does not publish it.", 30,
             asked=_FRAMES_ASKED),
    TopicRow(topics.camera_info_topic(_CAMERA), "sensor_msgs/msg/CameraInfo", "simulator, camera driver", "recorder",
             "Size and camera matrix.", 30, asked=_AS_OFFERED),
    TopicRow(topics.JOINT_STATES, _JOINT_STATE, "simulator, arm driver", "explorer, recorder, trainer",
             "Positions and velocities of the joints.", 100,
             asked="explorer: best effort, depth 10; trainer: best effort, depth 100; recorder: as offered"),
    TopicRow(topics.COMMAND, "trajectory_msgs/msg/JointTrajectory", "explorer",
             "simulator, ros2_control, recorder, trainer",
             "What the arm is to do. A new trajectory replaces the one in force from its stamp on.", 10,
             asked="simulator: reliable, depth 50; trainer: best effort, depth 100; recorder: as offered"),
    TopicRow(topics.EPISODE, STRING, "explorer, `aassl episode`, you", "recorder, trainer",
             "Start, stop or discard of an episode.", 100, True, "trainer: reliable, transient local, depth 100; "
             "recorder: as offered"),
    TopicRow(topics.SIMULATOR_OBJECT, STRING, "explorer, you", _SIMULATOR, "What to put into the hand.", 10,
             asked="reliable, depth 50"),
    TopicRow(topics.SIMULATOR_OBJECT_STATE, STRING, _SIMULATOR, "explorer", "The answer.", 10, True,
             "reliable, transient local, depth 10"),
    TopicRow(topics.OBJECT_POSE, "geometry_msgs/msg/PoseStamped", _SIMULATOR, "recorder, trainer",
             "True pose of the object in the camera's optical frame, stamped as the frame.", 30,
             asked="trainer: best effort, depth 100; recorder: as offered"),
    TopicRow(topics.JOINT_TRUTH, _JOINT_STATE, _SIMULATOR, "recorder", "True joint positions, stamped as the frame.",
             30, asked=_AS_OFFERED),
    TopicRow(topics.CHECKPOINT, STRING, "trainer", "evaluator", "The newest checkpoint.", 1, True,
             "reliable, transient local, depth 1"),
    TopicRow(topics.CLASSIFICATION, "vision_msgs/msg/Classification", "evaluator", "you",
             "Category of each frame, best first, with the frame's header. `__unknown__` is reserved.", 10),
    TopicRow(topics.ANSWER, STRING, "evaluator", "you", "The same with checkpoint and latency.", 10),
    TopicRow(topics.ANNOTATED, _IMAGE, "evaluator", "you", "The frame with its category drawn on it.", 1),
    TopicRow("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", "every node", "you",
             "Rates, drops, lags, errors and the trainer's metrics, once a second.", 10),
    TopicRow("/clock", "rosgraph_msgs/msg/Clock", _SIMULATOR, "every node", "Simulated time.", 1),
    TopicRow(topics.ROBOT_DESCRIPTION, STRING, "simulator, robot_state_publisher", "explorer, recorder, trainer",
             "The URDF as text, as everywhere in ROS. It is no JSON.", 1, True,
             "explorer, trainer: transient local, depth 100"),
    TopicRow(topics.ABSOLUTE_ROBOT_DESCRIPTION, STRING, "robot_state_publisher", "explorer, recorder, trainer",
             "The same, taken if nobody publishes the relative one.", 1, True,
             "explorer, trainer: transient local, depth 100"),
    TopicRow(topics.TF_STATIC, "tf2_msgs/msg/TFMessage", _SIMULATOR, "recorder", "Where the camera is.", 1, True,
             _AS_OFFERED),
    TopicRow(topics.TF, "tf2_msgs/msg/TFMessage", _SIMULATOR, "you", "Where the object is, in the camera's frame.", 30),
    TopicRow(topics.SESSION, STRING, "recorder", "readers of bags", "Facts of the recording.", 0),
    TopicRow(topics.LEDGER, STRING, "recorder", "readers of bags", "Counts of the recording.", 0),
    TopicRow(topics.sample_topics(_CAMERA)[0], _JOINT_STATE, "recorder", "readers of bags",
             "The joint state at each frame, interpolated to its stamp.", 0),
    TopicRow(topics.sample_topics(_CAMERA)[1], _JOINT_STATE, "recorder", "readers of bags",
             "The command in force at each frame.", 0),
)  # fmt: skip
