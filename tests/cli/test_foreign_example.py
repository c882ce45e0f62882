"""The commands of docs/foreign_bags.md, as typed, on a bag of another recorder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from quality_bags import URDF, angle, frame, joints, picture, written_bag
from small_streams import MS, SECOND, Message, text

from aassl_ros.cli.main import main
from aassl_ros.data.prepared.data import PreparedData

PAGE = Path(__file__).parents[2] / "docs" / "foreign_bags.md"
SHORTER = ("--epochs 50", "--epochs 1 --width 4 --batch 16 --window frames:2")
LATE_NS = 80 * MS


def foreign_bag(path: Path) -> Path:
    """An arm whose joint states are stamped 80 ms late, a gripper of its own, a camera; nothing of our recorder."""
    end = 11 * SECOND
    found: list[Message] = [text("/xarm/robot_description", SECOND, URDF)]
    for stamp in range(SECOND, end, 10 * MS):
        found.append(joints(stamp + LATE_NS, angle(stamp))._replace(topic="/xarm/joint_states"))
    for stamp in range(SECOND, end, 14 * MS):
        found.append(joints(stamp + LATE_NS, 0.02, ("finger",))._replace(topic="/gripper/joint_states"))
    for stamp in range(SECOND + 20 * MS, end, 33 * MS):
        found.append(frame(stamp, picture(stamp))._replace(topic="/wrist/color/image_raw"))
    return written_bag(path, sorted(found, key=lambda message: message.stamp_ns))


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    foreign_bag(tmp_path / "session")
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    Path("labels.csv").write_text(table, encoding="utf-8")
    commands = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    said = {}
    for command in commands:
        words = shlex.split(command.replace(*SHORTER))
        assert words[0] == "aassl"
        assert main(words[1:]) == (3 if "check" in words else 0), command
        said[" ".join(words[1:3])] = capsys.readouterr().out
    assert "/wrist/color/image_raw  (sensor_msgs/msg/Image)" in said["bag info"]
    assert "green_mug (mug)" in said["bag label"]
    offered = float(said["bag check"].partition("--joint-stamp-offset-s ")[2].partition(",")[0])
    assert offered == pytest.approx(-0.08, abs=0.006)
    assert Path("session.html").stat().st_size > 50_000
    for note in ("joint states are merged from", "episodes are those of labels.json"):
        assert note in said["prepare session"]
    data = PreparedData.open(Path("data"))
    right = np.array([angle(int(stamp)) for stamp in data.stamps_ns])
    position = np.asarray(data.joint_position)[:, data.joint_names.index("a")]
    assert np.nanmax(np.abs(position - right)) < 1e-3
