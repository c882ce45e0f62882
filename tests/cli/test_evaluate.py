from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.cli.main import main
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.selection import append_data, select_frames
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter

TRAIN = ["--encoder", "resnet18", "--width", "4", "--batch", "16", "--epochs", "1", "--device", "cpu"]


def write(path: Path, test_names: tuple[str, ...] = ("mug_8", "mug_9", "cup_8", "cup_9")) -> Path:
    """Mugs are bright above, cups below."""
    rng = np.random.default_rng(0)
    names = [f"{kind}_{index}" for kind in ("mug", "cup") for index in range(4)]
    with PreparedWriter(path, 32) as writer:
        for name, instance_set in [(name, "train") for name in names] + [(name, "test") for name in test_names]:
            category = name.split("_")[0]
            frames = rng.integers(0, 100, (6, 32, 32, 3), dtype=np.uint8)
            frames[:, slice(0, 16) if category == "mug" else slice(16, 32)] += 100
            writer.append_frames(frames)
            states = EpisodeStates(np.arange(6), ("a",), rng.normal(size=(6, 1)))
            writer.add_episode("r", f"{name} {instance_set}", name, category, instance_set, states)
        writer.finish(str(test_names))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run of a tiny encoder, and its data."""
    folder = tmp_path_factory.mktemp("evaluate")
    data = write(folder / "data")
    assert main(["train", str(data), "-o", str(folder / "run"), "--method", "aa_simclr", *TRAIN]) == 0
    return folder / "run", data


def test_a_trained_checkpoint_is_measured(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run, data = trained
    capsys.readouterr()

    assert main(["evaluate", str(run), str(data), "--json", "--device", "cpu"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["method"] == "aa_simclr"
    assert found["probe"]["accuracy"] > 0.9
    assert found["test_instances"] == ["cup_8", "cup_9", "mug_8", "mug_9"]
    assert len(found["train_instances"]) == 8


def test_data_in_two_folders_are_trained_on_and_measured_as_in_one(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, path = trained
    data = PreparedData.open(path)
    for name, part in (("one", (0, 30)), ("two", (30, len(data)))):
        with PreparedWriter(tmp_path / "all" / name, data.image_size) as writer:
            append_data(writer, select_frames(data, *part))
            writer.finish(name)
    one, two = str(tmp_path / "all" / "one"), str(tmp_path / "all" / "two")

    assert main(["train", one, two, "-o", str(tmp_path / "run"), "--method", "aa_simclr", *TRAIN]) == 0
    assert main(["evaluate", str(tmp_path / "run"), one, two, "--json", "--device", "cpu"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert main(["evaluate", str(run), str(tmp_path / "all"), "--json", "--device", "cpu"]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert main(["evaluate", str(run), str(path), "--json", "--device", "cpu"]) == 0
    expected = json.loads(capsys.readouterr().out.splitlines()[-1])

    losses = [
        [json.loads(line)["loss"] for line in (folder / "log.jsonl").open()] for folder in (tmp_path / "run", run)
    ]
    assert losses[0] == losses[1]
    assert found["probe"] == again["probe"] == expected["probe"]
    assert found["test_instances"] == expected["test_instances"]


def test_a_folder_without_the_action_of_the_others_is_named(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with PreparedWriter(tmp_path / "poses", 32) as writer:
        writer.append_frames(np.zeros((20, 32, 32, 3), np.uint8))
        writer.add_episode("r", "other", "jug_1", "jug", "train", EpisodeStates(np.arange(20)))
        writer.finish("poses")

    words = ["train", str(trained[1]), str(tmp_path / "poses"), "-o", str(tmp_path / "run")]
    assert main([*words, "--method", "aa_simclr", *TRAIN]) == 1
    assert f"{tmp_path / 'poses'} has no frame with all parts of the action joints (a)" in capsys.readouterr().err


def test_the_table_shows_accuracies_beside_chance_and_baselines(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = trained
    capsys.readouterr()

    assert main(["evaluate", str(run / "checkpoint"), str(data), "--device", "cpu"]) == 0

    shown = capsys.readouterr().out
    for word in ("linear probe", "random encoder", "colour histogram", "chance", "mug", "24 frames of 4 test objects"):
        assert word in shown


def test_actions_are_retrieved_by_the_heads_of_the_checkpoint(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = trained
    capsys.readouterr()

    assert main(["evaluate", str(run), str(data), "--json", "--device", "cpu", "--measures", "action,structure"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert 0 <= found["action"]["hit_at_1"] <= found["action"]["hit_at_5"] <= 1
    assert found["action"]["candidates"] == 24
    assert -1 <= found["action"]["gradient_cosine"] <= 1
    assert found["structure"]["rankme"] > 1
    assert "probe" not in found
    assert any("neither the object's nor the tip's pose" in note for note in found["notes"])


def test_pictures_are_drawn_and_baselines_left_out(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = trained
    pictures = ["--picture", str(tmp_path / "features.png"), "--confusion", str(tmp_path / "confusion.png")]
    capsys.readouterr()

    assert main(["evaluate", str(run), str(data), "--device", "cpu", "--baselines", "false", *pictures]) == 0

    shown = capsys.readouterr().out
    assert "random encoder" not in shown
    for word in ("RankMe", "nearest is correct, of 24", "cosine between the gradients", "consecutive frames"):
        assert word in shown
    for file in ("features.png", "confusion.png"):
        assert (tmp_path / file).read_bytes().startswith(b"\x89PNG")


def test_data_whose_test_objects_were_trained_on_are_refused(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = trained
    rows = write(tmp_path / "data", ("mug_8", "cup_8"))
    renamed = (rows / "prepared.json").read_text().replace("mug_0", "mug_x").replace("mug_8", "mug_0")
    (rows / "prepared.json").write_text(renamed)

    assert main(["evaluate", str(run), str(rows)]) == 1

    assert "aassl: the encoder was trained on 1 of the test objects (mug_0)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["nowhere", "DATA"], 1, "nowhere does not exist"),
        (["RUN", "nowhere"], 1, "nowhere does not exist"),
        (["RUN", "DATA", "--measures", "beauty"], 2, "measures = 'beauty', expected some of category, views"),
        (
            ["RUN", "DATA", "--picture", "nowhere/a.png"],
            2,
            "nowhere/a.png cannot be written, expected a name that ends",
        ),
        (["RUN", "DATA", "--confusion", "a.png", "--measures", "action"], 2, "Add category to --measures"),
        (["RUN", "DATA", "--batch", "-1"], 2, "batch = -1, expected an integer from 1"),
    ],
)
def test_an_error_is_one_line(
    trained: tuple[Path, Path], words: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = trained

    assert main(["evaluate", *(word.replace("RUN", str(run)).replace("DATA", str(data)) for word in words)]) == status

    assert message in capsys.readouterr().err
