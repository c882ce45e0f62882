from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.cli.main import main
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.synth.make import synthesize
from aassl_ros.synth.settings import SynthSettings

MS = 1_000_000
CAMERA, JOINTS, EPISODE = "/camera/image_raw", "/joint_states", "/episode"


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """One second of one episode."""
    recording = Recording(tmp_path / "bag", Session("r", "", "", "", Roles({"camera": CAMERA}, JOINTS, {}, EPISODE)))
    for topic, kind in ((CAMERA, messages.IMAGE), (JOINTS, messages.JOINT_STATE), (EPISODE, messages.STRING)):
        recording.add_topic(topic, kind)
    start = EpisodeEvent("00000000-0000-4000-8000-000000000000", 0, "start", "mug_0001", "mug")
    recording.receive(EPISODE, MS, MS, messages.encode_string(start.to_json()))
    for index in range(100):
        stamp = (1 + 10 * index) * MS
        recording.receive(JOINTS, stamp, stamp, messages.encode_joint_state(stamp, ["a"], [0.1 * index]))
        if index % 3 == 1:
            recording.receive(CAMERA, stamp + MS, stamp + MS, image(stamp + MS))
    recording.close()
    return recording.path


def image(stamp_ns: int) -> bytes:
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=0, nanosec=stamp_ns)
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="")
    form = {"height": 16, "width": 16, "encoding": "rgb8", "is_bigendian": 0, "step": 48}
    return messages.encode(types[messages.IMAGE](header=header, data=np.zeros(768, np.uint8), **form), messages.IMAGE)


def test_a_bag_is_prepared_and_the_result_is_described(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"

    assert main(["prepare", str(bag), "-o", str(out), "--image-size", "8"]) == 0
    assert f"{out}: 33 frames in 1 episode of 1 bag (train 33)" in capsys.readouterr().out
    assert PreparedData.open(out).image_size == 8

    assert main(["prepare", str(bag), "-o", str(out), "--image-size", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["already_there"] is True


def test_from_a_shell_an_error_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aassl_ros.cli.main", "prepare", str(tmp_path), "-o", str(tmp_path / "data")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"aassl: {tmp_path} contains no bag")
    assert done.stderr.count("\n") == 1


def test_a_wrong_setting_is_wrong_use(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", str(bag), "-o", str(tmp_path / "data"), "--image-size", "enormous"]) == 2
    assert "image_size = 'enormous', expected an integer from 8 to 1024" in capsys.readouterr().err


def test_a_full_disk_is_one_line_and_leaves_nothing(bag: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m aassl_ros.cli.main prepare {bag} -o {tmp_path / 'data'} --image-size 128"

    done = subprocess.run(f"ulimit -f 100; exec {command}", shell=True, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "data cannot be written (File too large). Free space" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [bag]


def test_a_recording_that_failed_before_its_first_frame_does_not_stop_the_bags_beside_it(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bags, out = tmp_path / "bags", tmp_path / "data"
    bags.mkdir()
    bag.rename(bags / "whole")
    session = Session("r", "", "", "", Roles({"camera": CAMERA}, JOINTS, {}, EPISODE))
    failed = Recording(bags / "failed", session)
    failed.add_topic(EPISODE, messages.STRING)
    start = EpisodeEvent("00000000-0000-4000-8000-000000000001", 0, "start", "mug_0002", "mug")
    failed.receive(EPISODE, MS, MS, messages.encode_string(start.to_json()))
    failed.close()

    assert main(["prepare", str(bags), "-o", str(out), "--image-size", "8"]) == 0
    said = capsys.readouterr().out
    assert "33 frames in 1 episode of 1 bag" in said
    assert f"note: {bags / 'failed'}: skipped, it holds no camera frames" in said

    assert main(["prepare", str(bags / "failed"), "-o", str(tmp_path / "none")]) == 1
    assert "Nothing was recorded on it: omit this bag" in capsys.readouterr().err


def test_rendered_data_are_replaced_only_with_force(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    settings = SynthSettings(categories=2, instances=1, test_instances=0, views=2, image_size=8, jobs=1)
    drawn = synthesize(out, settings)

    assert main(["prepare", str(bag), "-o", str(out)]) == 1
    assert "contains prepared data of another source" in capsys.readouterr().err
    assert len(PreparedData.open(out)) == drawn.frames
    assert main(["prepare", str(bag), "-o", str(out), "--force"]) == 0
    assert len(PreparedData.open(out)) == 33
