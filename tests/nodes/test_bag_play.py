"""`aassl bag play` into real nodes: another recorder records what the first one did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ros_fixtures import Ros, StartNode
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from small_streams import record, stream

from aassl_ros.data.bags.jpeg_cameras import JpegCameras
from aassl_ros.data.bags.reader import BagReader

IMAGES = {"raw": "/camera/image_raw", "compressed": "/camera/image_raw/compressed"}
OTHERS = ("/joint_states", "/command", "/episode")


def play(bag: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aassl_ros.cli.main", "bag", "play", str(bag), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def contents(reader: BagReader, topic: str) -> list[bytes]:
    """The messages; DDS fills the last word with zeros."""
    return sorted(message.data.rstrip(b"\0") for message in reader.messages([topic]))


@pytest.mark.parametrize("transport", [pytest.param("raw", marks=pytest.mark.slow), "compressed"])
def test_a_recorder_receives_every_message_of_a_played_bag(
    ros: Ros, start_node: StartNode, tmp_path: Path, transport: str
) -> None:
    jpeg = JpegCameras(["/camera/image_raw"], 90) if transport == "compressed" else None
    source, copy = record(tmp_path / "source", stream(2.0), jpeg=jpeg), tmp_path / "copy"
    names = {"command_topics": "['arm:/command']", "image_transport": transport}
    node = start_node("recorder", {"bag": copy, "use_sim_time": True, **names})
    tester = ros.node()
    ros.wait_for(lambda: "recorder" in tester.get_node_names() and copy.exists(), what="the recorder")
    done = play(source, "--wait-s", "60")
    assert done.returncode == 0, done.stderr
    assert "messages played, at most" in done.stdout
    node.terminate()
    node.wait(60)
    with BagReader(source) as one, BagReader(copy) as other:
        for topic in (IMAGES[transport], *OTHERS):
            assert contents(one, topic)
            assert contents(other, topic) == contents(one, topic)
        # The copy's times of receipt are those of the bag's clock.
        assert abs(other.start_ns - one.start_ns) < 60e9  # not those of this machine
        assert [episode.instance for episode in other.episodes()] == [episode.instance for episode in one.episodes()]


def test_steps_and_other_names_and_a_clock(ros: Ros, tmp_path: Path) -> None:
    source = record(tmp_path / "source", stream(2.0))
    times: list[int] = []
    states: list[JointState] = []
    node = ros.node()
    node.create_subscription(Clock, "/clock", lambda message: times.append(message.clock.sec), 1000)
    node.create_subscription(JointState, "/left/joint_states", states.append, 1000)
    done = play(source, "--wait-s", "60", "--step", "--remap", "/joint_states:=/left/joint_states", input="\n3\nx\nq\n")
    assert done.returncode == 0, done.stderr
    assert "0 frames played, 0.000 s" in done.stderr
    assert "4 frames played" in done.stderr
    assert "'x': expected Enter, a number of at least 1, or q." in done.stderr
    ros.wait_for(lambda: times and len(states) >= 10, what="messages")


def test_a_second_clock_is_refused(ros: Ros, tmp_path: Path) -> None:
    ros.node().create_publisher(Clock, "/clock", 1)
    done = play(record(tmp_path / "source", stream(1.0)), "--wait-s", "60")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith(("aassl: tester publishes /clock", "aassl: another node publishes /clock"))
    assert "Stop it, play in another ROS_DOMAIN_ID, or play without a clock: --clock-hz 0." in said


def test_a_wrong_remap_is_one_line(tmp_path: Path) -> None:
    done = play(record(tmp_path / "source", stream(1.0)), "--remap", "/camra:=/front")
    assert done.returncode == 2
    assert (
        done.stderr
        == "aassl: --remap /camra:=/front: /camra is not played. aassl bag info shows the topics of the bag.\n"
    )
