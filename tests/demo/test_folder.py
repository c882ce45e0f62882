"""The folder of a demo: files of the user are never removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from aassl_ros.demo.folder import DemoFolder, StageRecord, read_json
from aassl_ros.demo.plan import DemoSettings
from aassl_ros.errors import DataError


def test_a_folder_with_the_users_own_bags_is_refused_and_not_changed(tmp_path: Path) -> None:
    own = tmp_path / "bags" / "first" / "first_0.mcap"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"a day of work")
    with pytest.raises(DataError, match=r"contains bags, not made by a demo .* Name another folder with --out\."):
        StageRecord(DemoFolder(tmp_path), DemoSettings())
    assert own.read_bytes() == b"a day of work"
    assert [path.name for path in tmp_path.iterdir()] == ["bags"]


def test_an_interrupted_demo_continues_and_one_with_other_settings_starts_again(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    StageRecord(folder, DemoSettings()).mark_done("collect", 1.0)
    folder.data.mkdir()
    (tmp_path / "notes.txt").write_text("mine")

    assert StageRecord(folder, DemoSettings()).is_done("collect")
    assert folder.data.is_dir()
    assert not StageRecord(folder, DemoSettings(seed=7)).is_done("collect")
    assert not folder.data.exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_error_of_a_damaged_demo_says_how_to_make_it_again_and_of_another_folder_which_one_to_give(
    tmp_path: Path,
) -> None:
    folder = DemoFolder(tmp_path)
    folder.metrics.write_text("{")
    with pytest.raises(DataError, match=r"was not made by aassl demo .* Give the folder that aassl demo made"):
        read_json(folder.metrics)
    folder.record.write_text("{}")
    with pytest.raises(DataError, match=r"metrics.json cannot be read .* Run the demo again: aassl demo --out"):
        read_json(folder.metrics)
