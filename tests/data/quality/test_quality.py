"""`aassl bag check`: each fault that was put into a bag on purpose is found, and a sound bag has none."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from quality_bags import angle, frame, joints, picture, quality_bag, quality_stream, written_bag
from small_streams import MS, SECOND, episode_event, without

from aassl_ros.cli.main import main
from aassl_ros.data.quality.check import BagQuality, measure_bag
from aassl_ros.data.quality.joints import JointLimits, encoder_step, measure_limits
from aassl_ros.data.quality.thresholds import Thresholds, load_thresholds
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.joint_table import JointTable
from aassl_ros.errors import ConfigError


def measured(path: Path, recorded: Any, **thresholds: Any) -> BagQuality:
    return measure_bag(quality_bag(path / "bag", recorded), Thresholds(**thresholds))


def numbers(report: BagQuality, title: str) -> dict[str, Any]:
    (found,) = [measure.numbers for measure in report.measures if measure.title.startswith(title)]
    return found


def test_a_sound_bag_has_no_problem(tmp_path: Path) -> None:
    report = measured(tmp_path, quality_stream())
    assert report.problems == ()
    assert numbers(report, "Timing of camera")["rate (Hz)"] == pytest.approx(1 / 0.033, abs=0.01)
    offset = numbers(report, "Offset between camera")
    assert abs(offset["joint_stamp_offset_s"]) < 0.005
    assert offset["confidence"] > 0.8
    assert numbers(report, "Labels")["with instance and category"] == 1


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("black", lambda pixels: pixels // 60),
        ("overexposed", lambda pixels: np.maximum(pixels, 251)),
        ("without content", lambda pixels: np.full_like(pixels, 120)),
        ("blurred", lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 3)),
    ],
)
def test_bad_pictures_are_counted(tmp_path: Path, kind: str, change: Any) -> None:
    bad = range(50, 80)
    stream = quality_stream(change=lambda number, pixels: change(pixels) if number in bad else pixels)
    report = measured(tmp_path, stream)
    assert numbers(report, "Pictures of camera")[kind] == len(bad)
    (problem,) = [problem for problem in report.problems if f"frames are {kind}" in problem]
    assert "the first is frame 50" in problem
    others = {"black", "overexposed", "without content", "blurred", "unreadable"} - {kind}
    assert all(numbers(report, "Pictures of camera")[other] == 0 for other in others)


def test_a_frozen_camera_is_found_only_while_the_arm_moves(tmp_path: Path) -> None:
    still = picture(SECOND)
    frozen = quality_stream(change=lambda number, pixels: still if 40 <= number < 70 else pixels)
    report = measured(tmp_path, frozen)
    assert numbers(report, "Pictures of camera")["frozen"] == 30
    resting = quality_stream(
        change=lambda number, pixels: still, position=lambda stamp: 0.3 + 1e-5 * (stamp // (10 * MS) % 2)
    )
    report = measured(tmp_path / "other", resting)
    assert numbers(report, "Pictures of camera")["frozen"] == 0
    assert any("The arm is idle for" in problem for problem in report.problems)


def test_idle_stretches_are_measured(tmp_path: Path) -> None:
    stop = SECOND + 2 * SECOND

    def position(stamp: int) -> float:
        return angle(min(stamp, stop))

    report = measured(tmp_path, quality_stream(10.0, position=position), max_idle=0.5)
    idle = numbers(report, "Idle")
    assert idle["stretches"] == 1
    assert idle["longest (s)"] == pytest.approx(8.0, abs=0.5)
    assert any("The arm is idle" in problem for problem in report.problems)


def test_gaps_jitter_and_rate_are_found(tmp_path: Path) -> None:
    stream = quality_stream()
    gap = [one for one in stream if one.topic != "/camera/image_raw" or not 3 * SECOND < one.stamp_ns < 4 * SECOND]
    report = measured(tmp_path, gap)
    assert any(problem.startswith("camera: a gap of 1.0") for problem in report.problems)
    slow = measured(tmp_path / "slow", quality_stream(joint_ms=80))
    assert any("/joint_states: 12.5 Hz, expected at least 20 Hz" in problem for problem in slow.problems)
    rng = np.random.default_rng(1)
    shaken = []
    for one in without(quality_stream(), "/camera/image_raw"):
        shaken.append(one)
    for stamp in range(SECOND + 40 * MS, 7 * SECOND - 100 * MS, 33 * MS):
        late = stamp + int(rng.uniform(-16, 16) * MS)
        shaken.append(frame(late, picture(late)))
    report = measured(tmp_path / "shaken", sorted(shaken, key=lambda one: one.stamp_ns))
    assert any("the jitter is" in problem for problem in report.problems)


def test_stamps_that_do_not_rise_are_counted(tmp_path: Path) -> None:
    stream = quality_stream()
    places = [place for place, one in enumerate(stream) if one.topic == "/joint_states"][100:110]
    for place in places:
        stream[place] = stream[place]._replace(data=joints(SECOND + 5, 0.1).data)
    report = measured(tmp_path, stream)
    assert numbers(report, "Timing of /joint_states")["stamps not rising"] == 10
    assert any("10 stamps are equal to or older" in problem for problem in report.problems)


def test_wide_brackets_are_found(tmp_path: Path) -> None:
    gap = [one for one in quality_stream() if one.topic != "/joint_states" or not 3 < one.stamp_ns / SECOND < 3.4]
    report = measured(tmp_path, gap)
    assert numbers(report, "Joint states around")["too wide"] == pytest.approx(12, abs=1)
    assert any("more than 0.1 s apart" in problem for problem in report.problems)


@pytest.mark.parametrize("shift_ms", [-90, 60])
def test_an_offset_is_offered_with_its_sign(tmp_path: Path, shift_ms: int) -> None:
    stream = quality_stream(position=lambda stamp: angle(stamp - shift_ms * MS))
    report = measured(tmp_path, stream)
    # A joint state stamped 60 ms after its time must be brought back by 60 ms.
    assert numbers(report, "Offset")["joint_stamp_offset_s"] == pytest.approx(-shift_ms / 1000, abs=0.005)
    (problem,) = [problem for problem in report.problems if "motion shows" in problem]
    offered = float(problem.partition("--joint-stamp-offset-s ")[2].partition(",")[0])
    assert offered == pytest.approx(-shift_ms / 1000, abs=0.005)
    assert ("too early" if shift_ms < 0 else "too late") in problem


def test_no_offset_is_told_if_the_camera_does_not_see_the_arm(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    stream = quality_stream(
        change=lambda number, pixels: (
            np.roll(pixels, int(rng.integers(0, 60)), axis=1) + rng.integers(0, 9, dtype=np.uint8)
        )
    )
    report = measured(tmp_path, stream)
    assert numbers(report, "Offset")["confidence"] < 0.6
    assert not any("motion shows" in problem for problem in report.problems)


def test_coarse_encoders_and_limits_are_found(tmp_path: Path) -> None:
    report = measured(tmp_path, quality_stream(position=lambda stamp: 0.02 * round(angle(stamp) / 0.02)))
    assert numbers(report, "Encoder steps")["a"] == pytest.approx(0.02, rel=1e-3)
    assert any("a: the encoder has steps of 0.02" in problem for problem in report.problems)
    beyond = measured(tmp_path / "limits", quality_stream(position=lambda stamp: 1.2 + angle(stamp)))
    assert any("a:" in problem and "at or beyond a limit (-1.5 to 1.5" in problem for problem in beyond.problems)


def test_fingers_may_rest_at_their_ends_and_arms_may_not() -> None:
    table = JointTable(("joint", "finger"), np.arange(100) * MS, np.tile([0.0, 0.04], (100, 1)))
    limits = {"joint": JointLimits(0.0, 3.0), "finger": JointLimits(0.0, 0.04, slides=True)}
    (problem,) = measure_limits(table, limits, Thresholds()).problems
    assert problem.startswith("joint: 100 %")
    limits = {"finger": JointLimits(0.0, 0.03, slides=True)}
    assert measure_limits(table, limits, Thresholds()).problems


def test_a_step_is_found_in_few_and_uneven_levels_and_not_in_smooth_motion() -> None:
    rng = np.random.default_rng(0)
    assert encoder_step(0.1 * rng.integers(-9, 9, 500)) == pytest.approx(0.1)
    assert encoder_step(rng.normal(size=5000)) is None
    assert encoder_step(np.full(500, 0.3)) is None
    assert encoder_step(np.float32(0.00153 * rng.integers(0, 50, 5000)).astype(float)) == pytest.approx(0.00153, 1e-3)


def test_episodes_without_category_and_bags_without_episodes_are_found(tmp_path: Path) -> None:
    stream = without(quality_stream(), "/episode")
    report = measured(tmp_path, stream)
    assert any(problem.startswith("0 episodes, expected at least 1") for problem in report.problems)
    named = json.loads('{"event": "start", "instance": "thing"}')
    event = episode_event(0, "start", SECOND)
    text = json.dumps({"id": "00000000-0000-4000-8000-000000000000", "stamp": SECOND, **named})
    one = event._replace(data=messages.encode_string(text))
    report = measured(tmp_path / "unnamed", sorted([one, *stream], key=lambda message: message.stamp_ns))
    assert any("0 of 1 episodes have instance and category" in problem for problem in report.problems)
    assert measured(tmp_path / "allowed", [one, *stream], min_labelled=0.0).problems == ()


def test_a_bag_of_another_recorder_is_measured_too(tmp_path: Path) -> None:
    report = measure_bag(written_bag(tmp_path / "bag", quality_stream()))
    assert [problem for problem in report.problems if not problem.startswith("No session")] == []
    assert len(report.measures) > 8


def test_of_many_frames_groups_are_decoded(tmp_path: Path) -> None:
    report = measured(tmp_path, quality_stream(25.0), frames_measured=300)
    found = numbers(report, "Pictures of camera")
    assert found["frames"] > 700
    assert 300 <= found["decoded"] <= 330


def test_thresholds_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.yaml"
    file.write_text("min_frame_hz: 15\nmax_black: 0.5\n")
    assert load_thresholds(file) == Thresholds(min_frame_hz=15.0, max_black=0.5)
    for content, said in [
        ("max_black: 2", "max_black = 2.* from 0 to 1"),
        ("max_blak: 0", "unknown key 'max_blak'"),
        ("- 1", "name: value"),
        ("a: [", "not YAML"),
    ]:
        file.write_text(content)
        with pytest.raises(ConfigError, match=said):
            load_thresholds(file)


def test_the_documented_defaults_are_the_defaults(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "bags.md").read_text(encoding="utf-8")
    file = tmp_path / "thresholds.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    assert load_thresholds(file) == Thresholds()
    assert len(yaml.safe_load(file.read_text())) == len(fields(Thresholds))


def test_the_command_tells_text_json_and_page_and_exits_by_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = quality_bag(tmp_path / "bag", quality_stream())
    page = tmp_path / "report.html"
    assert main(["bag", "check", str(bag), "--html", str(page)]) == 0
    assert "no problem found" in capsys.readouterr().out
    html = page.read_text()
    assert html.count("data:image/png") >= 6
    assert "http" not in html.replace("http-equiv", "")
    strict = tmp_path / "strict.yaml"
    strict.write_text("min_frame_hz: 100")
    assert main(["bag", "check", str(bag), "--json", "--thresholds", str(strict)]) == 3
    report = json.loads(capsys.readouterr().out)
    assert not report["sound"]
    assert report["findings"] == ["camera: 30.3 Hz, expected at least 100 Hz."]
    assert main(["bag", "check", str(bag), "--html", str(tmp_path / "none" / "r.html")]) == 1
    assert main(["bag", "check", str(tmp_path / "none")]) == 1
    assert main(["bag", "check", str(bag), "--thresholds", str(tmp_path / "none")]) == 2
