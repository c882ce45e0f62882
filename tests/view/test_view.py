"""What Rerun is given can be read back from its file: frames, joints, poses, episodes, answers."""

from __future__ import annotations

import importlib
import sys
import types
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.benchmarks.recordings import CAMERA, JOINTS, record_bag
from aassl_ros.cli.main import main
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams import messages
from aassl_ros.motion.arms import load_arm
from aassl_ros.view.message_view import MessageView
from aassl_ros.view.rerun_log import RerunLog

pytest.importorskip("rerun", reason="rerun-sdk is not installed: pip install 'aassl_ros[view]'")


def rows(path: Path) -> Counter[str]:
    """The number of rows of each entity in a Rerun file; each must have a stamp."""
    found: Counter[str] = Counter()
    for chunk in importlib.import_module("rerun.chunk").RrdReader(str(path)).stream():
        if not chunk.entity_path.startswith("/__"):
            assert "stamp" in chunk.timeline_names
            found[chunk.entity_path] += chunk.num_rows
    return found


def stamps(path: Path, entity: str) -> list[int]:
    """The stamps of an entity's rows, ns, in order."""
    found: list[int] = []
    for chunk in importlib.import_module("rerun.chunk").RrdReader(str(path)).stream():
        if chunk.entity_path == entity:
            found += [value.value for value in chunk.to_record_batch().column("stamp")]
    return sorted(found)


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("view") / "bag"
    record_bag(path, "jpeg", 60, 100, 0)
    return path


def test_every_frame_and_joint_state_of_a_bag_is_shown_at_its_stamp(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.rrd"
    assert main(["view", str(bag), "--save", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"{CAMERA}: 60 messages shown" in said
    assert f"Open it with: rerun {out}" in said
    with BagReader(bag) as reader:
        sent = [messages.header_stamp_ns(message.data) for message in reader.messages([CAMERA])]
        states = reader.topics[JOINTS].message_count
        (joint, *_) = next(reader.decode(message).name for message in reader.messages([JOINTS]))
    assert stamps(out, CAMERA) == sorted(sent)
    shown = rows(out)
    assert shown[f"/joints/{joint}/position"] == states
    assert shown["/episode"] >= 1


def test_a_part_of_a_bag_is_shown(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--save", str(tmp_path / "out.rrd"), "--start-s", "0.5", "--seconds", "1"]
    assert main(["view", str(bag), *words]) == 0
    assert rows(tmp_path / "out.rrd")[CAMERA] in (29, 30, 31)


def test_prepared_data_are_shown_episode_by_episode(tmp_path: Path) -> None:
    data = write_patterns(tmp_path / "data", frames=7)
    out = tmp_path / "out.rrd"
    assert main(["view", str(data.path), "--save", str(out), "--episodes", "2"]) == 0
    shown = rows(out)
    assert (shown["/camera"], shown["/object_pose"], shown["/episode"]) == (14, 14, 2)


def test_answers_are_shown_and_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    out = tmp_path / "out.rrd"
    with RerunLog("answers", out) as log:
        view = MessageView(log)
        answer = EvaluatorAnswer(5_000_000_000, "Schüssel <b>", {"Schüssel <b>": 0.9}, "ab" * 32, 1.5, 0.5, 0.2)
        for text in (answer.to_json(), "no JSON"):
            view.take("/robot/evaluator/answer", messages.STRING, types.SimpleNamespace(data=text), 0)
        assert view.shows("/robot/evaluator/answer", messages.STRING)
        assert not view.shows("/chatter", messages.STRING)
    assert (view.shown, view.skipped) == ({"/robot/evaluator/answer": 1}, 1)
    assert stamps(out, "/robot/evaluator/answer") == [5_000_000_000]
    assert rows(out)["/robot/evaluator/answer/score"] == 1


def test_a_pose_that_is_not_finite_and_a_nan_leave_a_gap(tmp_path: Path) -> None:
    out = tmp_path / "out.rrd"
    with RerunLog("gaps", out) as log:
        log.pose("pose", 1, np.full(7, np.nan))
        log.number("number", 1, float("nan"))
        log.number("number", 2, 1.0)
    assert rows(out) == {"/number": 1}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["/nowhere"], "/nowhere does not exist, expected a bag, prepared data, or the word live"),
        ([".", "--image-size", "2"], "image_size = 2, expected at least 16"),
        ([".", "--seconds", "nan"], "seconds = nan, expected at least 0"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", *words]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said


def test_without_rerun_the_line_says_how_to_get_it(
    bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    assert main(["view", str(bag), "--save", str(tmp_path / "out.rrd")]) == 2
    assert "pip install 'aassl_ros[view]'" in capsys.readouterr().err


def test_the_arm_is_shown_by_its_description_and_commands_beside_the_joints(tmp_path: Path) -> None:
    arm = load_arm("panda")
    out = tmp_path / "out.rrd"
    stamp = types.SimpleNamespace(sec=3, nanosec=0)
    header = types.SimpleNamespace(stamp=stamp)
    with RerunLog("arm", out) as log:
        view = MessageView(log, arm.base_link, arm.tip_link)
        states = types.SimpleNamespace(header=header, name=list(arm.joints), position=list(arm.home))
        view.take("/left/joint_states", messages.JOINT_STATE, states, 0)  # no description yet
        view.describe_robot("/left/robot_description", arm.urdf_path().read_text())
        view.take("/left/joint_states", messages.JOINT_STATE, states, 0)
        now = types.SimpleNamespace(sec=0, nanosec=0)
        point = types.SimpleNamespace(positions=list(arm.home), velocities=[], time_from_start=now)
        plan = types.SimpleNamespace(header=header, joint_names=list(arm.joints), points=[point])
        view.take("/left/joint_trajectory_controller/joint_trajectory", messages.JOINT_TRAJECTORY, plan, 0)
    assert view.skipped == 0
    shown, joint = rows(out), arm.joints[0]
    assert (shown[f"/left/joints/{joint}/position"], shown[f"/left/joints/{joint}/command"]) == (2, 1)
    assert shown["/left/tip_pose"] == 1
