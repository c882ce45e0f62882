"""`aassl prepare` with published layouts: found by themselves, asked for by name, refused where they are of another
kind.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.cli import prepare as prepare_command
from aassl_ros.cli import train as train_command
from aassl_ros.cli.main import main
from aassl_ros.cli.options import read_settings
from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.readers.registry import FOLDERS, LAYOUTS, layout_of
from aassl_ros.errors import DataError
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.settings import from_mapping

DOCS = Path(__file__).parents[3] / "docs/datasets.md"
PUBLISHED = [name for name in LAYOUTS if name != FOLDERS]
VIEWS = (1, 2, 46, 180)
TRAIN, TEST = ("apple_001", "apple_002", "mug_001", "mug_002"), ("apple_050", "mug_050")
SMALL = PrepareSettings(image_size=8, workers=1)


@pytest.fixture
def turntable(tmp_path: Path, paint: Callable) -> Path:
    """RT4K as files with tables in CSV: a few toys, four views each, shaded by the number of the view."""
    folder = tmp_path / "RT4K"
    for stem, toys in (("dataset", TRAIN), ("dataset_test", TEST)):
        lines = [(f"{toy}_{view}_0_3.png", "9", toy, "0_3", "3", toy[:-4]) for toy in toys for view in VIEWS]
        for line, view in zip(lines, VIEWS * len(toys), strict=True):
            paint(folder / line[2] / line[0], view)
        (folder / f"{stem}.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def clips(tmp_path: Path, paint: Callable) -> Path:
    """MVImgNet, one clip without a model."""
    (tmp_path / "mvimgnet").mkdir()
    (tmp_path / "mvimgnet/mvimgnet_category.txt").write_text("7,stove\n")
    for index in range(3):
        paint(tmp_path / f"mvimgnet/7/0a1b/images/{index:03d}.jpg", 50)
    return tmp_path / "mvimgnet"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aassl_ros.cli.main", "prepare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def documented(layout: str = "") -> list[list[str]]:
    """The words of each command of docs/datasets.md behind `aassl`, or of those of one data set."""
    blocks = re.findall(r"```bash\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    wanted = [block for block in blocks[1:] if f"--layout {layout}" in block] if layout else blocks
    return [shlex.split(line, comments=True)[1:] for block in wanted for line in block.splitlines()]


def test_the_command_prepares_a_turntable_with_its_split_and_frames(turntable: Path, tmp_path: Path) -> None:
    done = run(turntable, "-o", tmp_path / "data", "--image-size", 8, "--layout", "rt4k", "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["frames"], report["episodes"], report["frames_of_set"]) == (24, 6, {"train": 16, "test": 8})
    data = PreparedData.open(tmp_path / "data")
    assert data.categories == ("apple", "mug")
    assert data.instances(("test",)) == TEST
    for episode in data.episodes:
        assert data.frames[episode.start : episode.stop, 0, 0, 0].tolist() == list(VIEWS)


def test_the_papers_action_of_a_turntable_is_cosine_and_sine_of_the_rotation(turntable: Path, tmp_path: Path) -> None:
    prepare([turntable], tmp_path / "data", SMALL)
    data = PreparedData.open(tmp_path / "data")
    space = ActionSpace("recorded", "6d")

    actions = space.displacement(data, np.array([0, 0, 3]), np.array([1, 2, 0]))

    turns = np.radians([2, 90, 2])  # from the last view on to the first
    np.testing.assert_allclose(actions, np.column_stack([np.cos(turns), np.sin(turns)]), atol=1e-6)


def test_layouts_are_recognised(turntable: Path, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "co3d/apple").mkdir(parents=True)
    (tmp_path / "co3d/apple/frame_annotations.jgz").touch()
    (tmp_path / "empty").mkdir()

    assert [layout_of(folder) for folder in (turntable, clips, tmp_path / "co3d", tmp_path / "empty")] == [
        "rt4k", "mvimgnet", "co3d", None,
    ]  # fmt: skip


def test_a_layout_is_recognised_without_an_option(clips: Path, tmp_path: Path) -> None:
    report = prepare([clips], tmp_path / "data", SMALL)

    assert report.frames == 3
    assert any("1 clips without a COLMAP model" in note for note in report.notes)


def test_preparing_again_does_nothing(turntable: Path, tmp_path: Path) -> None:
    prepare([turntable], tmp_path / "data", SMALL)

    assert prepare([turntable], tmp_path / "data", SMALL).already_there


@pytest.mark.parametrize("layout", PUBLISHED)
def test_a_folder_of_another_layout_is_refused(clips: Path, tmp_path: Path, layout: str) -> None:
    if layout == "mvimgnet":
        (tmp_path / "other").mkdir()
        clips = tmp_path / "other"

    with pytest.raises(DataError, match=f"does not have the layout {layout}") as error:
        prepare([clips], tmp_path / "data", PrepareSettings(layout=layout))

    assert ("It looks like mvimgnet" in str(error.value)) == (layout != "mvimgnet")


def test_errors_are_one_line(clips: Path, tmp_path: Path) -> None:
    done = run(clips, "-o", tmp_path / "data", "--layout", "co3d")

    assert done.returncode == 1
    assert done.stderr.startswith("aassl: "), done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_the_documented_commands_have_settings_that_exist() -> None:
    commands = {name: [words for first, *words in documented() if first == name] for name in ("prepare", "train")}
    parsers = {name: argparse.ArgumentParser() for name in commands}
    prepare_command.add_arguments(parsers["prepare"])
    train_command.add_arguments(parsers["train"])

    layouts = [
        read_settings(parsers["prepare"].parse_args(words), PrepareSettings).layout for words in commands["prepare"]
    ]
    methods = [
        from_mapping(
            TrainSettings, train_command.given_settings(parsers["train"].parse_args(words)), source="docs"
        ).method
        for words in commands["train"]
    ]

    assert layouts == ["", "rt4k", *PUBLISHED]
    assert methods == ["aa_simclr", "simclr_tt", "simclr"] * 3


def test_the_papers_experiment_runs_as_documented(
    turntable: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(turntable.parent)
    shorter = {"128": "32", "64": "8", "100": "1"}
    for words in documented("rt4k"):
        if {"simclr", "simclr_tt"} & set(words):
            continue  # they take a part of what aa_simclr takes
        words = [shorter.get(word, word) for word in words] + (["--batch", "8"] if words[0] == "train" else [])

        assert main(words) == 0
    assert "probe" in capsys.readouterr().out
