"""Bags exported as LeRobot datasets, read back with pyarrow and av."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import two_cameras
from two_cameras import JOINTS, angles, stamp_of

from aassl_ros.data.lerobot.export import export_lerobot
from aassl_ros.data.lerobot.settings import ExportSettings
from aassl_ros.errors import AasslError, BagError, ConfigError, DataError


def test_every_row_has_its_pictures_joints_command_and_true_stamps(tmp_path: Path, exported: Any) -> None:
    bag = two_cameras.record(tmp_path / "bag")
    report = export_lerobot([bag], tmp_path / "out")
    assert (report.fps, report.counts.rows, report.counts.episodes, report.lossy) == (30, 60, 2, False)
    made = exported(tmp_path / "out")
    rows = made.rows()
    assert made.numbers("wrist") == list(range(60))
    assert made.numbers("top") == list(range(60))
    stamps = np.array([stamp_of(number) for number in range(60)])
    assert (rows["stamp_ns"] == np.stack([stamps, stamps + 4_000_000], axis=1)).all()
    # Joint states come each 10 ms: between them the sine is nearly a straight line.
    state = np.array([angles(stamp) for stamp in stamps])
    np.testing.assert_allclose(rows["observation.state"], state, atol=2e-5)
    commanded = rows["commanded"] == 1
    assert not commanded[:1].any()
    assert commanded[1:].all()
    assert (rows["action"][0] == rows["observation.state"][0]).all()  # holds its position
    assert np.abs(rows["action"][1:] - state[1:] - 0.1).max() < 0.11  # the last command is up to 0.1 s old
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert info["features"]["observation.state"]["names"] == list(JOINTS)
    assert info["features"]["stamp_ns"]["names"] == ["wrist", "top"]


def test_rows_follow_the_rules_of_lerobot(tmp_path: Path, exported: Any) -> None:
    export_lerobot([two_cameras.record(tmp_path / "bag")], tmp_path / "out")
    made = exported(tmp_path / "out")
    rows, episodes = made.rows(), made.episodes()
    assert (rows["index"] == np.arange(60)).all()
    for number, episode in enumerate(episodes):
        own = rows["episode_index"] == number
        length = int(own.sum())
        assert episode["length"] == length == episode["dataset_to_index"] - episode["dataset_from_index"]
        assert (rows["frame_index"][own] == np.arange(length)).all()
        np.testing.assert_allclose(rows["timestamp"][own], np.arange(length) / 30, atol=1e-6)
        for camera in ("wrist", "top"):
            start = episode[f"videos/observation.images.{camera}/from_timestamp"]
            stop = episode[f"videos/observation.images.{camera}/to_timestamp"]
            assert start == pytest.approx(episode["dataset_from_index"] / 30)
            assert stop == pytest.approx(episode["dataset_to_index"] / 30)
    assert [episode["tasks"] for episode in episodes] == [["Handle the mug."], ["Handle the box."]]
    assert [episode["aassl/instance"] for episode in episodes] == ["mug_0001", "box_0002"]
    assert [episode["aassl/set"] for episode in episodes] == ["train", "test"]


def test_statistics_are_those_of_the_data(tmp_path: Path, exported: Any) -> None:
    export_lerobot([two_cameras.record(tmp_path / "bag")], tmp_path / "out")
    rows = exported(tmp_path / "out").rows()
    stats = json.loads((tmp_path / "out/meta/stats.json").read_text())
    state = np.asarray(rows["observation.state"], np.float64)
    for name, expected in (
        ("min", state.min(0)),
        ("max", state.max(0)),
        ("mean", state.mean(0)),
        ("std", state.std(0)),
    ):
        np.testing.assert_allclose(stats["observation.state"][name], expected, atol=1e-6)
    pictures = np.stack([two_cameras.picture(number) for number in range(60)]) / 255
    image = stats["observation.images.wrist"]
    assert np.shape(image["mean"]) == (3, 1, 1)
    np.testing.assert_allclose(np.ravel(image["mean"]), pictures.mean(axis=(0, 1, 2)), atol=2e-3)
    np.testing.assert_allclose(np.ravel(image["std"]), pictures.std(axis=(0, 1, 2)), atol=2e-3)


def test_lost_frames_are_marked_and_shift_nothing(tmp_path: Path, exported: Any) -> None:
    lost = (10, 11, 40, 41, 42, 43, 44, 45, 46)
    report = export_lerobot([two_cameras.record(tmp_path / "bag", lost=lost)], tmp_path / "out")
    assert (report.counts.filled, report.counts.split, report.counts.episodes) == (2, 1, 3)
    made = exported(tmp_path / "out")
    rows = made.rows()
    wrist, top = made.numbers("wrist"), made.numbers("top")
    expected = [9 if number in (10, 11) else number for number in range(60) if not 40 <= number <= 46]
    assert wrist == expected
    assert top == [number for number in range(60) if not 40 <= number <= 46]
    assert rows["filled"][:, 0].tolist() == [number in (10, 11) for number in range(60) if not 40 <= number <= 46]
    assert rows["stamp_ns"][:, 0].tolist() == [stamp_of(number) for number in expected]
    ids = [episode["aassl/id"] for episode in made.episodes()]
    assert ids[1] == ids[2] != ids[0]


def test_a_damaged_picture_is_counted_and_shown_by_the_one_before(tmp_path: Path, exported: Any) -> None:
    report = export_lerobot([two_cameras.record(tmp_path / "bag", damaged=20)], tmp_path / "out")
    assert report.lossy
    assert sum(report.counts.unreadable.values()) == 1
    made = exported(tmp_path / "out")
    assert made.numbers("top")[18:23] == [18, 19, 19, 21, 22]
    assert made.rows()["filled"][:, 1].nonzero()[0].tolist() == [20]


def test_one_camera_at_half_the_rate(tmp_path: Path, exported: Any) -> None:
    settings = ExportSettings(camera=("top",), fps=15, task="Turn {instance}.")
    report = export_lerobot([two_cameras.record(tmp_path / "bag")], tmp_path / "out", settings)
    assert report.cameras == ("top",)
    assert report.counts.rows == 30
    steps = np.diff(exported(tmp_path / "out").rows()["stamp_ns"][:15])
    assert np.abs(steps - 66_666_666).max() < 10_000_000


def test_two_bags_become_one_dataset(tmp_path: Path, exported: Any) -> None:
    bags = [two_cameras.record(tmp_path / name, frames=20) for name in ("one", "two")]
    assert export_lerobot(bags, tmp_path / "out").counts.rows == 40
    made = exported(tmp_path / "out")
    assert made.numbers("wrist") == [*range(20), *range(20)]
    assert [episode["aassl/bag"] for episode in made.episodes()] == ["one", "one", "two", "two"]


def test_odd_sizes_are_padded_and_said(tmp_path: Path) -> None:
    report = export_lerobot([two_cameras.record(tmp_path / "bag", frames=8, side=33)], tmp_path / "out")
    assert any("33 x 33" in note for note in report.notes)
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert info["features"]["observation.images.wrist"]["shape"] == [34, 34, 3]


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        (ExportSettings(camera=("left",)), BagError, "no camera left (found: wrist, top)"),
        (ExportSettings(task="{robot}"), ConfigError, "only {category} and {instance}"),
        (ExportSettings(command=("/nowhere",)), BagError, "holds no topic /nowhere"),
    ],
)
def test_wrong_settings_are_one_line_and_leave_nothing(
    settings: ExportSettings, error: type[AasslError], said: str, tmp_path: Path
) -> None:
    bag = two_cameras.record(tmp_path / "bag", frames=8)
    with pytest.raises(error, match=r".") as raised:
        export_lerobot([bag], tmp_path / "out", settings)
    assert said in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


def test_an_existing_folder_is_replaced_only_if_asked_and_a_dataset(tmp_path: Path) -> None:
    bag = two_cameras.record(tmp_path / "bag", frames=8)
    export_lerobot([bag], tmp_path / "out")
    with pytest.raises(DataError, match="Use --force"):
        export_lerobot([bag], tmp_path / "out")
    export_lerobot([bag], tmp_path / "out", force=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError, match="Give another folder"):
        export_lerobot([bag], tmp_path / "mine", force=True)
