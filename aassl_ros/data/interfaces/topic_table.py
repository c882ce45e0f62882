"""All topics: type, senders, receivers, quality of service. docs/topics.md is generated from this file."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.interfaces import topics


@dataclass(frozen=True)
class TopicRow:
    """One topic. depth, latched: QoS of our publisher, which is always reliable; latched means transient local.

    asked: QoS that our subscribers request. depth 0: the topic exists only in bags.
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
        """Description of the quality of service of our publisher."""
        if self.depth == 0:
            return "only in bags"
        return f"reliable, {'transient local' if self.latched else 'volatile'}, depth {self.depth}"


_IMAGE = "sensor_msgs/msg/Image"
_JOINT_STATE = "sensor_msgs/msg/JointState"
STRING = "std_msgs/msg/String"
FLOAT = "std_msgs/msg/Float64"
_CAMERA = "CAMERA"
_SIMULATOR = "simulator"
_FRAMES_ASKED = "trainer: best effort, depth 5; evaluator, page: best effort, depth 1; recorder: as offered"
_AS_OFFERED = "recorder: as offered"

TOPICS = (
    TopicRow(topics.image_topic(_CAMERA), _IMAGE, "simulator, camera, camera driver",
             "recorder, trainer, evaluator, page",
             "Camera frames with the time of exposure as stamp. CAMERA is `camera` by default.", 30,
             asked=_FRAMES_ASKED),
    TopicRow(topics.image_topic(_CAMERA, compressed=True), "sensor_msgs/msg/CompressedImage", "camera, camera driver",
             "recorder, trainer, evaluator, page",
             "Compressed camera frames, used if `compressed` is set. The simulator does not publish them.", 30,
             asked=_FRAMES_ASKED),
    TopicRow(topics.camera_info_topic(_CAMERA), "sensor_msgs/msg/CameraInfo", "simulator, camera, camera driver",
             "recorder", "Size and camera matrix. The node camera knows the matrix only with a `calibration`.",
             30, asked=_AS_OFFERED),
    TopicRow(topics.JOINT_STATES, _JOINT_STATE, "simulator, arm driver", "explorer, recorder, trainer",
             "Positions and velocities of the joints.", 100,
             asked="explorer: best effort, depth 10; trainer: best effort, depth 100; recorder: as offered"),
    TopicRow(topics.COMMAND, "trajectory_msgs/msg/JointTrajectory", "explorer",
             "simulator, ros2_control, recorder, trainer",
             "Commands for the arm. A new trajectory replaces the active one from its stamp on.", 10,
             asked="simulator: reliable, depth 50; trainer: best effort, depth 100; recorder: as offered"),
    TopicRow(topics.goals_topic(topics.COMMAND), "trajectory_msgs/msg/JointTrajectory", "explorer", "recorder, trainer",
             "A copy of each trajectory that was sent as a goal of the action follow_joint_trajectory "
             "([safety.md](safety.md#goals-of-an-action)). No controller follows it. The recorder writes it to the bag "
             "as a command on the topic above.", 10, asked="trainer: best effort, depth 100; recorder: as offered"),
    TopicRow(topics.EPISODE, STRING, "explorer, `aassl episode`, you", "recorder, trainer, evaluator",
             "Start, stop and discard events of episodes.", 100, True, "trainer: reliable, transient local, depth 100; "
             "recorder: as offered"),
    TopicRow(topics.STOP_NOW, "std_msgs/msg/Empty", "you: a foot switch, a button", "explorer",
             "Each message stops the arm, and disarms a real one, as the service explorer/stop does.", 10,
             asked="reliable and best effort, depth 10"),
    TopicRow(topics.SIMULATOR_OBJECT, STRING, "explorer, you", _SIMULATOR, "The object to put into the hand.", 10,
             asked="reliable, depth 50"),
    TopicRow(topics.SIMULATOR_OBJECT_STATE, STRING, _SIMULATOR, "explorer", "Answer to simulator/object.", 10, True,
             "reliable, transient local, depth 10"),
    TopicRow(topics.OBJECT_POSE, "geometry_msgs/msg/PoseStamped", _SIMULATOR, "recorder, trainer",
             "True pose of the object in the camera's optical frame, with the stamp of the frame.", 30,
             asked="trainer: best effort, depth 100; recorder: as offered"),
    TopicRow(topics.JOINT_TRUTH, _JOINT_STATE, _SIMULATOR, "recorder",
             "True joint positions, with the stamp of the frame.", 30, asked=_AS_OFFERED),
    TopicRow(topics.CHECKPOINT, STRING, "trainer", "evaluator", "The newest checkpoint.", 1, True,
             "reliable, transient local, depth 1"),
    TopicRow(topics.WEIGHTS, "std_msgs/msg/UInt8MultiArray", "trainer", "evaluator",
             "The encoder of the newest checkpoint, in parts, if `publish_weights` is set. The label of the only "
             "dimension is the JSON message of the part. The depth is the number of parts.", 1, True,
             "reliable, transient local, depth 1000"),
    TopicRow(topics.METRIC, "std_msgs/msg/Float64", "trainer", "you",
             "One number of the training, once per second and after an update: NAME is loss, contrastive, action, "
             "rankme, probe_accuracy, lr, updates_per_s, images_per_s, replay_ratio, buffer_fill, or share_WHAT "
             "([online.md](online.md)).", 10),
    TopicRow(topics.CLASSIFICATION, "vision_msgs/msg/Classification", "evaluator", "you",
             "Categories of each frame, best first, with the frame's header. An unknown object has `__unknown__` first "
             "with the highest score.", 10),
    TopicRow(topics.ANSWER, STRING, "evaluator", "page, you", "The same answer with checkpoint and latency.", 10,
             asked="page: best effort, depth 1"),
    TopicRow(topics.GALLERY_COMMAND, STRING, "`aassl teach`, `aassl gallery`, page, you", "evaluator",
             "Teaches the object in view, or changes what was taught.", 10, asked="reliable, depth 20"),
    TopicRow(topics.GALLERY, STRING, "evaluator", "`aassl teach`, `aassl gallery`, page, you",
             "What was taught, and the result of the last command.", 20, True, "reliable, transient local, depth 20"),
    TopicRow(topics.ANNOTATED, _IMAGE, "evaluator", "you",
             "The frame with the name of its category drawn on it, and what is or is being taught.", 1),
    TopicRow(topics.CONFIDENCE, FLOAT, "evaluator", "you", "The score of the best category, 0 to 1, with each answer.",
             10),
    TopicRow(topics.IS_UNKNOWN, FLOAT, "evaluator", "you", "1 if the answer is `__unknown__`, else 0, with each one.",
             10),
    TopicRow(topics.LATENCY, FLOAT, "evaluator", "you", "Time from the frame's receipt to its answer, ms.", 10),
    TopicRow(topics.ANSWER_RATE, FLOAT, "evaluator", "you", "Answers per second, once per second.", 10),
    TopicRow("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", "every node", "page, you",
             "Rates, dropped messages, delays, errors and the trainer's metrics, once per second.", 10),
    TopicRow("/clock", "rosgraph_msgs/msg/Clock", _SIMULATOR, "every node", "Simulated time.", 1),
    TopicRow(topics.ROBOT_DESCRIPTION, STRING, "simulator, robot_state_publisher", "explorer, recorder, trainer",
             "The URDF as text, as usual in ROS. It is not JSON.", 1, True,
             "explorer, trainer: transient local, depth 100"),
    TopicRow(topics.ABSOLUTE_ROBOT_DESCRIPTION, STRING, "robot_state_publisher", "explorer, recorder, trainer",
             "The same, used if no node publishes the relative topic.", 1, True,
             "explorer, trainer: transient local, depth 100"),
    TopicRow(topics.TF_STATIC, "tf2_msgs/msg/TFMessage", _SIMULATOR, "recorder", "Pose of the camera.", 1, True,
             _AS_OFFERED),
    TopicRow(topics.TF, "tf2_msgs/msg/TFMessage", _SIMULATOR, "you", "Pose of the object in the camera's frame.", 30),
    TopicRow(topics.SESSION, STRING, "recorder", "readers of bags", "Facts of the recording.", 0),
    TopicRow(topics.LEDGER, STRING, "recorder", "readers of bags", "Counts of the recording.", 0),
    TopicRow(topics.EPISODE_LEDGER, STRING, "recorder", "readers of bags", "Counts of each episode.", 0),
    TopicRow(topics.sample_topics(_CAMERA)[0], _JOINT_STATE, "recorder", "readers of bags",
             "The joint state at each frame, interpolated to its stamp.", 0),
    TopicRow(topics.sample_topics(_CAMERA)[1], _JOINT_STATE, "recorder", "readers of bags",
             "The active command at each frame.", 0),
)  # fmt: skip
