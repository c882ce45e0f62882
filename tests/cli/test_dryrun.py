"""`aassl dryrun` shows a motion, measures it, and says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import yaml

from aassl_ros.cli.main import main
from aassl_ros.paths import share


def test_it_measures_and_draws_the_motion_of_an_arm(tmp_path, capsys):
    picture = tmp_path / "motion.png"
    assert main(["dryrun", "ur5e", "--seconds", "2", "--no-window", "-o", str(picture), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["problems"] == []
    assert set(facts["share_of_limits"]) == {"position", "velocity", "acceleration", "jerk"}
    assert all(0.1 < share <= 1.001 for share in facts["share_of_limits"].values())
    assert facts["box_margin_m"] > 0
    assert 0.02 < facts["table_m"] < 1
    assert facts["trajectories"] >= 4
    drawn = cv2.imread(str(picture))
    assert drawn.shape == (720, 960, 3)
    assert (drawn[:240, :240] != drawn[480:, 720:]).any()


def test_no_part_of_the_arm_leaves_a_picture(tmp_path):
    picture = tmp_path / "motion.png"
    assert main(["dryrun", "so101", "--seconds", "4", "--no-window", "-o", str(picture)]) == 0
    pictures = cv2.imread(str(picture)).reshape(3, 240, 4, 240, 3).swapaxes(1, 2)
    yellow = pictures[..., 0].astype(int) < pictures[..., 1].astype(int) - 50  # the arm; the table is white and blue
    assert yellow.any(axis=(2, 3)).all()
    for edge in (yellow[:, :, 0], yellow[:, :, -1], yellow[..., 0], yellow[..., -1]):
        assert not edge.any()


def changed(tmp_path: Path, **changes: object) -> str:
    values = yaml.safe_load(share("sim/arms/panda.yaml").read_text()) | changes
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def test_an_arm_that_comes_near_the_table_is_a_problem(tmp_path, capsys):
    picture = str(tmp_path / "motion.png")
    low = changed(tmp_path, home=[0.0, 0.6, 0.0, -2.2, 0.0, 2.81, 0.0], box=[0.3, 0.8, -0.2, 0.2, -0.2, 0.4])
    assert main(["dryrun", low, "--seconds", "1", "--no-window", "-o", picture, "--clearance", "0.2"]) == 3
    said = capsys.readouterr().out
    assert "PROBLEM: link panda_" in said
    assert "m of the table" in said
    assert "jerk           not limited" in said


def test_an_arm_without_a_urdf_needs_one(tmp_path, capsys):
    arm = changed(tmp_path, urdf="")
    assert main(["dryrun", arm, "--no-window"]) == 2
    assert "give that of its robot description with --urdf FILE" in capsys.readouterr().err
    urdf = share("sim/arms/urdf/ur5e.urdf")
    assert main(["dryrun", arm, "--urdf", str(urdf), "--no-window"]) == 2
    assert "robot description has no link 'panda_link0'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--start", "1,2"], "--start has 2 numbers, expected 7"), (["--start", "a"], "expected numbers"),
     (["--seconds", "0"], "expected a number above 0"), (["--urdf", "nowhere.urdf"], "no URDF file at nowhere.urdf")],
)  # fmt: skip
def test_wrong_use_is_one_line(words, message, capsys):
    assert main(["dryrun", "panda", "--no-window", *words]) == 2
    assert message in capsys.readouterr().err
