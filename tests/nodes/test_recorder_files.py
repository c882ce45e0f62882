"""The recorder's files: splits, the trigger, and a disk that becomes full; fed over DDS."""

from __future__ import annotations

import re
import signal
import subprocess
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.ros.conversions import time_message
from aassl_ros.ros.qos import LATCHED

SECOND = 1_000_000_000
# On a busy machine this process may pause between two joint states.
PATIENT = {"max_bracket_s": 10.0}
IMAGE, JOINTS, STATE = "/camera/image_raw", "/joint_states", "/recorder/sample/camera/joint_state"


class Robot:
    """Publishes joint states at 100 Hz and frames of 49 kB at 25 Hz while `running`, and remembers their stamps."""

    def __init__(self, ros: Any) -> None:
        self.node = ros.node("robot")
        self.running = False
        self.frames: list[int] = []
        self.states: list[int] = []
        self.diagnostics: list[Any] = []
        self._images = self.node.create_publisher(Image, IMAGE, QoSProfile(depth=100))
        self._joints = self.node.create_publisher(JointState, JOINTS, QoSProfile(depth=1000))
        self.episodes = self.node.create_publisher(String, "/episode", LATCHED)
        self.node.create_subscription(
            DiagnosticArray, "/diagnostics", lambda message: self.diagnostics.extend(message.status), 10
        )
        self._data = bytes(3 * 128 * 128)
        self.node.create_timer(0.01, self.turn)

    def heard(self) -> bool:
        publishers = (self._images, self._joints, self.episodes)
        return all(publisher.get_subscription_count() > 0 for publisher in publishers)

    def now_ns(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def turn(self) -> None:
        if not self.running:
            return
        now = self.now_ns()
        state = JointState(name=["a"], position=[now / SECOND])
        state.header.stamp = time_message(now)
        self._joints.publish(state)
        self.states.append(now)
        if len(self.states) % 4 == 0:
            image = Image(height=128, width=128, encoding="rgb8", step=384, data=self._data)
            image.header.stamp = time_message(now - 2_000_000)
            self._images.publish(image)
            self.frames.append(now - 2_000_000)

    def episode(self, event: str, identity: str) -> None:
        stamp_ns = self.now_ns()
        self.episodes.publish(String(data=EpisodeEvent(identity, stamp_ns, event, "mug_0001", "mug").to_json()))

    def status(self, text: str) -> Any:
        """The newest diagnostics whose message contains the text."""
        found = [one for one in self.diagnostics if text in one.message and one.name == "/recorder"]
        return found[-1] if found else None


def stop(recorder: subprocess.Popen[str]) -> str:
    recorder.send_signal(signal.SIGINT)
    said, _ = recorder.communicate(timeout=120)
    return said


def stamps(bag: Path, topic: str) -> list[int]:
    with BagReader(bag) as reader:
        if topic not in reader.topics:
            return []
        return [messages.header_stamp_ns(message.data) for message in reader.messages([topic])]


def parts(folder: Path) -> list[Path]:
    found = [folder / "bag", *(folder / f"bag_{number}" for number in range(1, 99))]
    return [bag for bag in found if bag.exists()]


@pytest.mark.parametrize(
    "rule", [{"split_mb": 1.0}, {"split_s": 0.7}, {"split_s": 0.7, "jpeg_quality": 90}], ids=["size", "time", "jpeg"]
)
def test_bags_are_split_as_they_are_recorded_and_no_message_is_lost(
    ros: Any, start_node: Any, tmp_path: Path, rule: dict[str, float]
) -> None:
    robot = Robot(ros)
    recorder = start_node("recorder", {"bag": tmp_path / "bag", **PATIENT, **rule})
    ros.wait_for(robot.heard)
    robot.running = True
    ros.wait_for(lambda: len(parts(tmp_path)) >= 3 and len(robot.frames) >= 60, what="a third bag")
    robot.running = False
    ros.spin(0.5)  # the last frame is on its way
    said = stop(recorder)

    assert recorder.returncode == 0
    bags = parts(tmp_path)
    image = f"{IMAGE}/compressed" if "jpeg_quality" in rule else IMAGE
    assert said.count("ends, because it holds ") == len(bags) - 1
    assert [stamp for bag in bags for stamp in stamps(bag, image)] == robot.frames
    # The last joint states before a split are in both bags.
    assert sorted({stamp for bag in bags for stamp in stamps(bag, JOINTS)}) == robot.states
    for number, bag in enumerate(bags):
        assert stamps(bag, STATE) == stamps(bag, image) or bag == bags[-1]
        with BagReader(bag) as reader:
            assert reader.session is not None
            assert reader.session.settings["part"] == number
            assert reader.session.roles.cameras == {"camera": image}
            assert reader.ledger is not None
            assert (reader.ledger.closed, reader.ledger.messages_dropped) == (True, 0)
            assert reader.ledger.frames_written == len(stamps(bag, image))
        if "split_mb" in rule:
            assert sum(file.stat().st_size for file in bag.glob("*.mcap")) < 1.2e6


def test_each_episode_gets_a_bag_of_its_own(ros: Any, start_node: Any, tmp_path: Path) -> None:
    robot = Robot(ros)
    recorder = start_node("recorder", {"bag": tmp_path / "bag", "split_episodes": 1})
    ros.wait_for(robot.heard)
    robot.running = True
    names = [str(uuid.uuid4()) for _ in range(3)]
    for name in names:
        robot.episode("start", name)
        count = len(robot.frames)
        ros.wait_for(partial(lambda before: len(robot.frames) > before + 8, count), what="frames")
        robot.episode("stop", name)
        ros.spin(1.0)  # the recorder reads all of it before the next episode
    robot.running = False
    stop(recorder)
    bags = parts(tmp_path)
    assert len(bags) == 3
    for bag, name in zip(bags, names, strict=True):
        with BagReader(bag) as reader:
            (episode,) = reader.episodes()
        assert episode.id == name
        assert episode.stop_ns is not None
        inside = [stamp for stamp in robot.frames if episode.holds(stamp)]
        assert len(inside) > 3
        assert set(inside) <= set(stamps(bag, IMAGE))


@pytest.mark.parametrize("by", ["service", "episode"])
def test_nothing_is_written_before_the_trigger_and_then_the_last_seconds(
    ros: Any, start_node: Any, tmp_path: Path, by: str
) -> None:
    robot = Robot(ros)
    recorder = start_node("recorder", {"bag": tmp_path / "bag", "pre_record_s": 1.0, **PATIENT})
    client = robot.node.create_client(Trigger, "recorder/trigger")
    ros.wait_for(lambda: robot.heard() and client.service_is_ready())
    robot.running = True
    ros.spin(2.0)
    status = ros.wait_for(lambda: robot.status("Waiting for recorder/trigger or the start of an episode"))
    assert status.level == b"\0"
    assert not (tmp_path / "bag").exists()
    asked_ns = robot.now_ns()
    if by == "service":
        answer = ros.call_once(client, Trigger.Request())
        assert answer.success
        assert answer.message == str(tmp_path / "bag")
    else:
        robot.episode("start", str(uuid.uuid4()))
    ros.wait_for(lambda: robot.status("frames written"))
    ros.spin(0.5)
    robot.running = False
    said = stop(recorder)

    assert recorder.returncode == 0
    assert "Recording into" in said
    written = stamps(tmp_path / "bag", JOINTS)
    assert written == [stamp for stamp in robot.states if stamp >= written[0]]
    assert written[0] < asked_ns
    before_s = re.search(r"It begins (\d\.\d) s before", said)
    assert before_s is not None
    assert 0.7 <= float(before_s[1]) <= 1.2
    with BagReader(tmp_path / "bag") as reader:
        assert len(reader.episodes()) == (by == "episode")
    assert check_bag(tmp_path / "bag") == []


def test_a_recorder_that_was_never_triggered_leaves_nothing(ros: Any, start_node: Any, tmp_path: Path) -> None:
    robot = Robot(ros)
    recorder = start_node("recorder", {"bag": tmp_path / "bag", "pre_record_s": 1.0})
    ros.wait_for(lambda: robot.status("Waiting for recorder/trigger"))
    stop(recorder)
    assert recorder.returncode == 0
    assert not (tmp_path / "bag").exists()


def test_a_nearly_full_disk_ends_the_recording_with_a_whole_bag(ros: Any, start_node: Any, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("a disk in memory needs the right to mount")
    try:
        robot = Robot(ros)
        recorder = start_node("recorder", {"bag": disk / "bag", "min_free_mb": 8.0, "warn_free_mb": 11.0})
        ros.wait_for(robot.heard)
        robot.running = True
        ended = ros.wait_for(lambda: robot.status("recording has stopped and the bag is closed"))
        robot.running = False
        said = stop(recorder)
        assert ended.level == b"\2"
        assert any(one.level == b"\1" and "Recording stops at 8 MB" in one.message for one in robot.diagnostics)
        assert re.search(r"only [5-8] MB are free on the disk, and min_free_mb is 8\.", said), said
        assert recorder.returncode == 1
        written = stamps(disk / "bag", IMAGE)
        assert written == robot.frames[: len(written)]
        with BagReader(disk / "bag") as reader:
            assert sum(1 for _ in reader.messages(verify=True)) > len(written) > 50
            assert reader.ledger is not None
            assert reader.ledger.closed
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
