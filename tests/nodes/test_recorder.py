"""The recorder's process, fed over DDS by a small camera and arm in the test."""

from __future__ import annotations

import array
import json
import math
import signal
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.ros.episode_marker import publish_episode, recorder_without_subscription

SECOND = 1_000_000_000
IMAGE, STATE = "/camera/image_raw", "/recorder/sample/camera/joint_state"
# On a busy machine this process may pause between two joint states.
PATIENT = {"max_bracket_s": 10.0}
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


def angle(stamp_ns: int) -> float:
    return stamp_ns / SECOND  # a line, so that samples are exact however far apart the joint states are


class Robot:
    """Publishes 100 Hz joint states and 30 Hz images of 128 pixels, stamped by the node's clock, while `running`."""

    def __init__(self, ros: Any, *, camera_qos: QoSProfile | int = 10) -> None:
        self._ros, self.node = ros, ros.node("robot")
        self.images = self.node.create_publisher(Image, "camera/image_raw", camera_qos)
        self.joints = self.node.create_publisher(JointState, "joint_states", 100)
        self.episodes = self.node.create_publisher(String, "episode", LATCHED)
        self.commands = self.node.create_publisher(JointTrajectory, "joint_trajectory_controller/joint_trajectory", 10)
        self.frames, self.states, self.running = [], 0, False
        self._picture = array.array("B", bytes(3 * 128 * 128))
        self.node.create_timer(0.01, self._turn_joints)
        self.node.create_timer(1 / 30, self._turn_camera)

    def now_ns(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def heard(self) -> bool:
        publishers = (self.images, self.joints, self.episodes, self.commands)
        return all(publisher.get_subscription_count() > 0 for publisher in publishers)

    def publish_joints(self, stamp_ns: int, position: float | None = None) -> None:
        message = JointState(name=["a"], position=[angle(stamp_ns) if position is None else position], velocity=[0.0])
        message.header.stamp = stamp(stamp_ns)
        self.joints.publish(message)
        self.states += 1

    def publish_frame(self, stamp_ns: int, encoding: str = "rgb8") -> None:
        message = Image(height=128, width=128, encoding=encoding, step=384, data=self._picture)
        message.header.stamp = stamp(stamp_ns)
        self.images.publish(message)
        self.frames.append(stamp_ns)

    def _turn_joints(self) -> None:
        if self.running:
            self.publish_joints(self.now_ns())

    def _turn_camera(self) -> None:
        # A frame is 55 ms old when its camera hands it over; the first has a joint state before it.
        if self.running and self.states > 8:
            self.publish_frame(self.now_ns() - 55_000_000)

    def run(self, seconds: float) -> None:
        self.running = True
        self._ros.spin(seconds)
        self.running = False


def stamp(time_ns: int) -> Time:
    return Time(sec=time_ns // SECOND, nanosec=time_ns % SECOND)


def stop(recorder: subprocess.Popen[str], number: int = signal.SIGINT) -> str:
    recorder.send_signal(number)
    said, _ = recorder.communicate(timeout=120)
    return said


StartRecorder = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_recorder(start_node: Any) -> StartRecorder:
    """Starts a recorder and waits until it records."""

    def start(path: Path, **parameters: Any) -> subprocess.Popen[str]:
        recorder = start_node("recorder", {"bag": path, "sample_timeout": 1.5, **PATIENT, **parameters})
        line = recorder.stdout.readline()
        assert "Recording into" in line, line + recorder.stdout.read()
        return recorder

    return start


def test_a_recorder_says_at_its_start_which_bags_beside_its_own_were_not_closed(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    for name, end in (("sound", None), ("killed", -20)):
        with BagWriter(tmp_path / name):
            pass
        file = tmp_path / name / f"{name}_0.mcap"
        file.write_bytes(file.read_bytes()[:end])
    recorder = start_recorder(tmp_path / "bag")
    said = recorder.stdout.readline()
    assert f"{tmp_path / 'killed'} was not closed (or another recorder writes it now)" in said
    assert f"Recover it: aassl bag recover {tmp_path / 'killed'}" in said
    assert "was not closed" not in stop(recorder)


@pytest.mark.parametrize(("storage", "number"), [("mcap", signal.SIGINT), ("sqlite3", signal.SIGTERM)])
def test_everything_published_is_in_the_bag_and_each_frame_has_its_sample(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path, storage: str, number: int
) -> None:
    robot = Robot(ros)
    identity = str(uuid.uuid4())
    start = {"id": identity, "stamp": robot.now_ns(), "event": "start", "instance": "mug_0001", "category": "mug"}
    robot.episodes.publish(String(data=json.dumps(start)))  # before the recorder is there: the topic is latched
    recorder = start_recorder(tmp_path / "bag", storage=storage)
    ros.wait_for(robot.heard, what="the recorder to subscribe")
    robot.commands.publish(JointTrajectory(joint_names=["a"], points=[JointTrajectoryPoint(positions=[0.5])]))
    robot.run(3.0)
    robot.publish_joints(robot.now_ns())
    said = stop(recorder, number)

    assert recorder.returncode == 0
    assert f"{len(robot.frames)} frames received, {len(robot.frames)} written, 0 dropped" in said
    assert check_bag(tmp_path / "bag") == []
    with BagReader(tmp_path / "bag") as reader:
        assert [messages.header_stamp_ns(message.data) for message in reader.messages([IMAGE])] == robot.frames
        assert reader.topics["/joint_states"].message_count == robot.states
        states = [reader.decode(message) for message in reader.messages([STATE])]
        assert [messages.stamp_ns(state.header.stamp) for state in states] == robot.frames
        assert max(abs(state.position[0] - angle(messages.stamp_ns(state.header.stamp))) for state in states) < 1e-3
        assert reader.topics["/recorder/sample/camera/joint_command"].message_count == len(robot.frames)
        assert [episode.instance for episode in reader.episodes()] == ["mug_0001"]
        assert next(reader.messages()).topic == "/recorder/session"
        assert reader.session is not None
        assert reader.session.roles.cameras == {"camera": IMAGE}
        assert reader.session.base_link == "panda_link0"
        lags = [message.log_ns - message.publish_ns for message in reader.messages([IMAGE])]
    assert all(lag >= 0 for lag in lags)
    with AnyReader([tmp_path / "bag"]) as reader:
        read = [(connection, data) for connection, _, data in reader.messages() if connection.topic == IMAGE]
        assert len(read) == len(robot.frames)
        assert reader.deserialize(read[0][1], messages.IMAGE).encoding == "rgb8"


def test_the_last_frame_waits_for_the_joint_state_after_it(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    robot = Robot(ros)
    recorder = start_recorder(tmp_path / "bag", sample_timeout=60.0)
    ros.wait_for(robot.heard)
    robot.run(0.5)
    last = robot.now_ns()
    robot.publish_frame(last)
    ros.spin(0.3)
    recorder.send_signal(signal.SIGINT)
    ros.spin(0.3)
    assert recorder.poll() is None
    robot.publish_joints(last + 80_000_000)
    said, _ = recorder.communicate(timeout=120)
    assert "without" not in said
    with BagReader(tmp_path / "bag") as reader:
        assert reader.topics[STATE].message_count == len(robot.frames)


def test_each_publishers_qos_is_matched_and_written(ros: Any, start_recorder: StartRecorder, tmp_path: Path) -> None:
    robot = Robot(ros, camera_qos=BEST_EFFORT)
    recorder = start_recorder(tmp_path / "bag")
    ros.wait_for(robot.heard)
    robot.run(1.0)
    stop(recorder)
    with AnyReader([tmp_path / "bag"]) as reader:
        profiles = {connection.topic: connection.ext.offered_qos_profiles for connection in reader.connections}
    assert profiles[IMAGE][0].reliability.name == "BEST_EFFORT"
    assert profiles["/joint_states"][0].reliability.name == "RELIABLE"
    assert profiles["/episode"][0].durability.name == "TRANSIENT_LOCAL"


def test_a_second_publisher_that_offers_less_is_received_too(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    robot = Robot(ros)
    recorder = start_recorder(tmp_path / "bag")
    ros.wait_for(robot.heard)
    weaker = robot.node.create_publisher(JointState, "joint_states", BEST_EFFORT)
    ros.wait_for(lambda: weaker.get_subscription_count() > 0, what="the recorder to ask for less")
    weaker.publish(JointState(name=["b"], position=[1.0]))
    ros.spin(0.3)
    assert "Subscribed again" in stop(recorder)
    with BagReader(tmp_path / "bag") as reader:
        assert reader.topics["/joint_states"].message_count == 1


def test_extra_topics_are_recorded_as_they_come(ros: Any, start_recorder: StartRecorder, tmp_path: Path) -> None:
    robot = Robot(ros)
    extra = robot.node.create_publisher(String, "/note", 10)
    recorder = start_recorder(tmp_path / "bag", extra_topics='["/note"]')
    ros.wait_for(lambda: extra.get_subscription_count() > 0)
    extra.publish(String(data="as it came"))
    ros.spin(0.3)
    stop(recorder)
    with BagReader(tmp_path / "bag") as reader:
        assert [reader.decode(message).data for message in reader.messages(["/note"])] == ["as it came"]


def test_in_simulated_time_messages_are_logged_with_clock_time_and_none_before_the_first_clock_is_lost(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    robot = Robot(ros)
    clock = robot.node.create_publisher(Clock, "/clock", 10)
    recorder = start_recorder(tmp_path / "bag", use_sim_time=True)
    ros.wait_for(lambda: robot.heard() and clock.get_subscription_count() > 0)
    robot.publish_joints(1 * SECOND)
    ros.spin(0.3)
    clock.publish(Clock(clock=stamp(7 * SECOND)))
    ros.spin(0.3)
    robot.publish_joints(7 * SECOND)
    ros.spin(0.3)
    stop(recorder)
    with BagReader(tmp_path / "bag") as reader:
        assert [message.log_ns for message in reader.messages(["/joint_states"])] == [7 * SECOND, 7 * SECOND]
        assert reader.session is not None
        assert reader.session.started_ns == 7 * SECOND


def test_a_split_loses_nothing_and_each_part_stands_alone(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    robot = Robot(ros)
    identity = str(uuid.uuid4())
    start = {"id": identity, "stamp": 1, "event": "start", "instance": "mug_0001", "category": "mug"}
    robot.episodes.publish(String(data=json.dumps(start)))
    recorder = start_recorder(tmp_path / "bag")
    client = robot.node.create_client(Trigger, "recorder/split")
    ros.wait_for(lambda: robot.heard() and client.service_is_ready())
    robot.running = True
    ros.spin(1.0)
    asked = client.call_async(Trigger.Request())
    ros.wait_for(asked.done)
    assert asked.result().success, asked.result().message
    ros.spin(1.0)
    robot.running = False
    robot.publish_joints(robot.now_ns())
    said = stop(recorder)
    assert said.count("frames received") == 2
    frames, samples = [], 0
    for name in ("bag", "bag_1"):
        with BagReader(tmp_path / name) as reader:
            frames += [messages.header_stamp_ns(message.data) for message in reader.messages([IMAGE])]
            samples += reader.topics[STATE].message_count
            assert [episode.instance for episode in reader.episodes()] == ["mug_0001"]
        assert check_bag(tmp_path / name) == []
    assert frames == robot.frames
    assert samples == len(frames)


def test_a_command_topic_that_appears_while_a_bag_waits_for_its_last_samples_is_in_both_bags(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    robot = Robot(ros)
    groups = '["arm:joint_trajectory_controller/joint_trajectory", "gripper:gripper_command"]'
    recorder = start_recorder(tmp_path / "bag", command_topics=groups, sample_timeout=60.0)
    client = robot.node.create_client(Trigger, "recorder/split")
    ros.wait_for(lambda: robot.heard() and client.service_is_ready())
    robot.publish_joints(robot.now_ns())
    ros.spin(0.1)
    robot.publish_frame(robot.now_ns())  # no joint state after it: its bag stays open after the split
    ros.spin(0.1)
    asked = client.call_async(Trigger.Request())
    ros.wait_for(asked.done)
    gripper = robot.node.create_publisher(JointTrajectory, "gripper_command", 10)
    ros.wait_for(lambda: gripper.get_subscription_count() > 0, what="the recorder to find the gripper's commands")
    gripper.publish(JointTrajectory(joint_names=["g"], points=[JointTrajectoryPoint(positions=[0.5])]))
    ros.spin(0.3)
    robot.publish_joints(robot.now_ns())
    ros.spin(0.3)
    stop(recorder)
    assert recorder.returncode == 0
    for name in ("bag", "bag_1"):
        with BagReader(tmp_path / name) as reader:
            assert reader.topics["/gripper_command"].message_count == 1
        assert [finding for finding in check_bag(tmp_path / name) if "frames" not in finding] == []


@pytest.mark.parametrize("sim_time", [True, False])
def test_if_the_clock_is_set_back_recording_continues_in_a_new_bag(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path, sim_time: bool
) -> None:
    robot = Robot(ros)
    clock = robot.node.create_publisher(Clock, "/clock", 10)
    recorder = start_recorder(tmp_path / "bag", use_sim_time=sim_time)
    ros.wait_for(lambda: robot.heard() and (clock.get_subscription_count() > 0) == sim_time)
    for run, begin in enumerate((60 * SECOND, 1 * SECOND)):  # a simulator, started again
        for k in range(40):
            now = begin + k * 20_000_000
            clock.publish(Clock(clock=stamp(now)))
            robot.publish_joints(now, position=float(run))
            robot.publish_frame(now + 5_000_000)
            ros.spin(0.01)
        ros.spin(1.0)  # the recorder reads all of it before the clock jumps
    said = stop(recorder)
    assert f"The clock was set back: {tmp_path / 'bag'} is closed. Recording continues in {tmp_path / 'bag_1'}." in said
    for run, name in enumerate(("bag", "bag_1")):
        with BagReader(tmp_path / name) as reader:
            positions = [reader.decode(message).position[0] for message in reader.messages([STATE])]
        assert set(positions) == {float(run)}
        assert len(positions) >= 34


def test_unusable_messages_are_reported_during_recording(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    robot = Robot(ros)
    recorder = start_recorder(tmp_path / "bag")
    ros.wait_for(robot.heard)
    robot.episodes.publish(String(data='{"event": "begin"}'))
    for k in range(60):
        robot.publish_joints(k * 20_000_000 + SECOND, position=math.nan if k % 2 else 0.0)
        robot.publish_frame(k * 20_000_000 + SECOND, encoding="heat")
        ros.spin(0.03)
    ros.spin(1.0)  # it looks once a second
    said = stop(recorder)
    assert "there are frames whose pixels cannot be read; the diagnostics count them." in said
    assert "there are joint states dropped (not finite); the diagnostics count them." in said
    assert "60 frames whose pixels cannot be read" in said
    assert "An episode event was refused: episode: id is missing, expected a UUID." in said
    assert "1 episode events refused" in said


def test_two_publishers_of_the_same_joints_are_named_while_recording(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    robot = Robot(ros)
    recorder = start_recorder(tmp_path / "bag")
    ros.wait_for(robot.heard)
    other = ros.node("joint_state_publisher").create_publisher(JointState, "joint_states", 10)
    ros.wait_for(lambda: other.get_subscription_count() > 0)
    for k in range(60):
        robot.publish_joints(k * 20_000_000 + SECOND, position=0.5)
        zero = JointState(name=["a"], position=[0.0])
        zero.header.stamp = stamp(k * 20_000_000 + SECOND + 3_000_000)
        other.publish(zero)
        ros.spin(0.03)
    ros.spin(1.0)  # it looks once a second
    said = stop(recorder)
    assert "joint states of several publishers are mixed: a changed" in said
    assert "is published by joint_state_publisher, robot." in said, said


def test_an_episode_marked_by_hand_is_recorded_even_if_another_node_subscribed_first(
    ros: Any, start_recorder: StartRecorder, tmp_path: Path
) -> None:
    listener = ros.node("listener")
    listener.create_subscription(String, "episode", lambda message: None, LATCHED)
    recorder = start_recorder(tmp_path / "bag")
    started = publish_episode(EpisodeEvent(str(uuid.uuid4()), 0, "start", "mug_0001", "mug"), timeout_s=120)
    stop(recorder)
    with BagReader(tmp_path / "bag") as reader:
        assert [(episode.id, episode.start_ns) for episode in reader.episodes()] == [(started.id, started.stamp_ns)]


def test_a_recorder_that_does_not_listen_to_episodes_is_found(ros: Any, start_node: Any, tmp_path: Path) -> None:
    node = ros.node("listener")
    start_node("recorder", {"bag": tmp_path / "bag", "autostart": False})
    ros.wait_for(
        lambda: recorder_without_subscription(node, "/episode") == "/recorder", what="the missing subscription"
    )


@pytest.mark.parametrize("where", [{"bag_dir": "."}, {"bag": "left_bag"}], ids=["named by time", "named"])
def test_deactivate_closes_the_bag_and_activate_opens_another(
    ros: Any, start_node: Any, tmp_path: Path, where: dict[str, str]
) -> None:
    robot = Robot(ros)
    where = {key: str(tmp_path / value) for key, value in where.items()}
    recorder = start_node("recorder", {**where, "robot": "left", "autostart": False})
    client = robot.node.create_client(ChangeState, "/recorder/change_state")

    def change(transition: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = transition
        return bool(ros.call_once(client, request).success)

    configure, activate, deactivate = 1, 3, 4
    assert change(configure)
    for bags in (1, 2):
        assert change(activate)
        ros.wait_for(robot.heard)
        robot.run(1.1)
        assert change(deactivate)
        finished = sorted(tmp_path.glob("left_*/metadata.yaml"))
        assert len(finished) == bags
        with BagReader(finished[-1].parent) as reader:
            assert reader.topics[IMAGE].message_count > 5
        if "bag" in where:
            assert finished[-1].parent.name == ("left_bag", "left_bag_1")[bags - 1]
        ros.wait_for(lambda: robot.images.get_subscription_count() == 0)
    stop(recorder)
    assert recorder.returncode == 0


def test_missing_messages_are_reported_within_seconds(ros: Any, start_recorder: StartRecorder, tmp_path: Path) -> None:
    robot = Robot(ros)
    told: list[Any] = []
    robot.node.create_subscription(DiagnosticArray, "/diagnostics", lambda message: told.extend(message.status), 10)
    recorder = start_recorder(tmp_path / "bag")
    ros.wait_for(lambda: any("robot publishes it, but no message has arrived" in status.message for status in told))
    ros.spin(1.2)  # it looks once a second
    assert told[-1].level == b"\x02"
    values = {value.key: value.value for value in told[-1].values}
    assert values["frames_written"] == values["frames_dropped"] == "0"
    said = stop(recorder)
    assert "/camera/image_raw: robot publishes it, but no message has arrived" in said
    assert "config/fastdds_images.xml" in said


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bag": "/proc/nowhere/bag"}, "/proc/nowhere/bag cannot be written: No such file or directory."),
        ({"arm": "triceps"}, "triceps"),
        ({"storage": "hdf5"}, "storage = 'hdf5', expected one of mcap, sqlite3."),
        ({"command_topics": '["nothing"]'}, "expected GROUP:TOPIC"),
        ({"queue_mb": -3.0}, "queue_mb = -3.0, expected a number from 1 to 65536."),
        ({"storage": "sqlite3", "mcap_compression": "zstd"}, "mcap_compression = 'zstd' applies only to storage mcap"),
        ({"fsync": "always"}, "fsync = 'always', expected one of never, close, flush."),
        ({"min_free_mb": 1e9, "warn_free_mb": 1e9}, "min_free_mb is 1e+09"),
        ({"split_s": -1.0}, "split_s = -1.0, expected a number of at least 0."),
        ({"jpeg_quality": 101}, "jpeg_quality = 101, expected an integer from 0 to 100."),
        ({"image_transport": "wrist:raw"}, "image_transport = 'wrist:raw', expected raw, compressed, or for some"),
        ({"jpeg_quality": 90, "extra_topics": '["camera/image_raw/compressed"]'}, "jpeg_quality records /camera/image"),
    ],
)
def test_a_wrong_parameter_of_the_recorder_is_a_one_line_error(
    start_node: Any, tmp_path: Path, parameters: dict[str, Any], message: str
) -> None:
    recorder = start_node("recorder", {"bag": tmp_path / "bag", **parameters})
    said, _ = recorder.communicate(timeout=120)
    assert recorder.returncode == 1
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "bag").exists()
