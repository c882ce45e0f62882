"""aassl collect: wrong calls are refused before any node is started; a recorder that hangs costs no recording."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import aassl_ros.bringup.processes as processes_module
from aassl_ros.bringup.processes import command_line
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.bringup.systems import NodeSpec
from aassl_ros.cli.main import main
from aassl_ros.data.bags.reader import BagReader

HANGS = """
import sys, threading
from aassl_ros.nodes.recorder import RecorderNode
from aassl_ros.ros.base import run

class Hangs(RecorderNode):
    def deactivate(self):
        threading.Event().wait()

sys.exit(run(Hangs))
"""


@pytest.mark.parametrize(
    ("out", "words", "status", "said"),
    [
        ("bag", ["--seconds", "0"], 2, "--seconds = 0, expected more than 0."),
        (".", [], 2, "already exists. Bags are never overwritten"),
        ("bag", ["bogus:=1"], 2, "collect: unknown argument 'bogus', expected one of robot, arm,"),
        ("bag", ["arm:=foo"], 2, "arm 'foo' is unknown, expected one of iiwa, panda, so101, ur5e, xarm6"),
        ("a_file/bag", [], 1, "cannot be written: File exists. Choose another folder."),
    ],
)
def test_a_wrong_call_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, words: list[str], status: int, said: str
) -> None:
    (tmp_path / "a_file").touch()
    assert main(["collect", "-o", str(tmp_path / out), *words]) == status
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a_file"]


@pytest.mark.slow
def test_if_the_recorder_does_not_stop_its_bag_is_recovered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, bag = tmp_path / "hangs.py", tmp_path / "bags" / "first"
    script.write_text(HANGS)

    def start(spec: NodeSpec) -> list[str]:
        if spec.name != "recorder":
            return command_line(spec)
        return [sys.executable, str(script), *spec.ros_arguments()]

    monkeypatch.setattr(processes_module, "command_line", start)
    monkeypatch.setattr(processes_module, "_STOP_S", 15.0)
    with own_domain():
        status = main(["collect", "-o", str(bag), "--seconds", "3", "--json"])
    said = capsys.readouterr()
    assert status == 3, said.err
    assert "node recorder was asked to stop, did not exit within 15 s and was killed. Its threads were in" in said.err
    assert "Its bag was recovered: " in said.err
    ledger = json.loads(said.out)
    with BagReader(bag) as reader:
        assert reader.ledger is not None
        frames = sum(message.topic.endswith("image_raw") for message in reader.messages())
    assert frames > 5
    assert ledger["topics"]["/camera/image_raw"]["written"] == frames
