"""aassl bag, as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from aassl_ros.cli.main import main
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Roles, Session

MS = 1_000_000
SECOND = 1000 * MS


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """A second of joint states, an episode, and no camera."""
    session = Session("robot", "panda", "base", "tip", Roles({"camera": "/image"}, "/joints", {}, "/episode"))
    recording = Recording(tmp_path / "bag", session)
    recording.add_topic("/joints", messages.JOINT_STATE)
    recording.add_topic("/episode", messages.STRING)
    identity = "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11"
    start = {"id": identity, "stamp": SECOND, "event": "start", "instance": "mug_0001", "category": "mug"}
    for event in (start, {"id": identity, "stamp": 2 * SECOND, "event": "stop"}):
        recording.receive("/episode", SECOND, SECOND, messages.encode_string(json.dumps(event)))
    for stamp in range(SECOND, 2 * SECOND, 10 * MS):
        recording.receive("/joints", stamp, stamp, messages.encode_joint_state(stamp, ["a"], [0.0]))
    recording.close()
    return recording.path


def test_info_shows_topics_episodes_and_counts(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bag", "info", str(bag)]) == 0
    said = capsys.readouterr().out
    assert "100  /joints  (sensor_msgs/msg/JointState)" in said
    assert "train: mug_0001 (mug), 1.0 s" in said
    assert "0 frames received, 0 written, 0 dropped" in said


def test_info_as_json_is_one_object_with_the_ledger(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bag", "info", "--json", str(bag)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["topics"]["/joints"] == {"type": "sensor_msgs/msg/JointState", "message_count": 100}
    assert facts["ledger"]["frames_received"] == 0
    assert facts["session"]["robot"] == "robot"
    assert [episode["instance"] for episode in facts["episodes"]] == ["mug_0001"]


def test_check_finds_what_is_missing_and_exits_with_3(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bag", "check", str(bag)]) == 3
    assert "No frames of camera 'camera' on /image." in capsys.readouterr().out
    assert main(["bag", "check", "--json", str(bag)]) == 3
    assert json.loads(capsys.readouterr().out)["sound"] is False


def test_recover_makes_a_whole_bag_beside_the_broken_one(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = bag / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[:-100])
    assert main(["bag", "info", str(bag)]) == 1
    assert f"Try: aassl bag recover {bag}" in capsys.readouterr().err
    assert main(["bag", "recover", str(bag)]) == 3
    assert main(["bag", "info", f"{bag}-recovered"]) == 0


def test_a_bag_that_is_not_there_is_one_line_and_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bag", "info", str(tmp_path / "nothing")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_info_on_a_bag_that_its_recorder_did_not_close_says_so(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with BagReader(bag) as reader, BagWriter(tmp_path / "cut") as writer:
        for message in list(reader.messages())[:-1]:  # the last is the ledger of its close
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.log_ns, message.publish_ns, message.data)
    assert main(["bag", "info", str(tmp_path / "cut")]) == 0
    assert "The recorder did not close this bag. Its last counts:" in capsys.readouterr().out


def test_info_takes_several_bags_and_files_of_one_recording(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in range(2):
        with BagWriter(tmp_path / "part") as writer:
            writer.add_topic("/text", messages.STRING)
            writer.write("/text", part, part, messages.encode_string("text"))
        (tmp_path / "part" / "part_0.mcap").rename(tmp_path / f"split_{part}.mcap")
        shutil.rmtree(tmp_path / "part")
    files = [str(tmp_path / f"split_{part}.mcap") for part in (1, 0)]
    assert main(["bag", "info", "--json", str(bag), *files]) == 0
    reported = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [facts["messages"] for facts in reported] == [106, 2]
    assert main(["bag", "check", str(bag), *files]) == 3
