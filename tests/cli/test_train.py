"""`aassl train` as a user types it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from robot_data import PANDA, SO101, write_robot

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.cli import train
from aassl_ros.cli.main import main
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.optimization.adaptation import ADAPTATION_DEFAULTS, ADAPTATION_RUN
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.one_process import alone
from aassl_ros.settings import from_mapping
from aassl_ros.studies.adaptation import near_window

TINY = ("--width", "4", "--batch", "32", "--window", "frames:2")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "data"
    write_synthetic(folder, episodes=8, frames=20, image_size=16)  # 160 frames: 5 updates an epoch
    return str(folder)


def test_a_run_writes_its_checkpoint_and_prints_where(data: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["train", data, "-o", str(tmp_path / "run"), *TINY, "--epochs", "2"]) == 0
    out, error = capsys.readouterr()
    assert out.startswith(f"{tmp_path / 'run' / 'checkpoint'}: 10 updates in ")
    assert "aassl: the action is object_pose (rotation, translation)." in error
    assert "action" in out
    assert load_checkpoint(tmp_path / "run").step == 10


def test_settings_come_from_a_file_then_options_then_set(data: str, tmp_path: Path) -> None:
    config = tmp_path / "train.yaml"
    config.write_text("lr: 1e-3\nwidth: 8\nbatch: 16\nepochs: 1\nmethod: simclr_tt\nsets: [train]\n")
    words = ["--config", str(config), "--width", "4", "--batch", "64", "--set", "batch=32", "gray_probability=0"]
    assert main(["train", data, "-o", str(tmp_path / "run"), *words]) == 0
    settings = load_checkpoint(tmp_path / "run").settings
    assert (settings.lr, settings.width, settings.batch) == (1e-3, 4, 32)
    assert (settings.method, settings.gray_probability) == ("simclr_tt", 0.0)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--method", "aa_simcrl"], "method = 'aa_simcrl', expected one of simclr, simclr_tt, aa_simclr"),
        (["--width", "wide"], "width = 'wide', expected an integer from 4 to 512"),
        (["--batch", "1"], "batch = 1, expected an integer from 2"),
        (["--batch", "512"], "batch = 512, but"),
        (["--window", "hours:1"], "window = 'hours:1', expected episode"),
        (["--precision", "half"], "precision = 'half', expected one of auto, fp32, bf16, fp16"),
        (["--schedule", "linear"], "schedule = 'linear', expected one of constant, cosine"),
        (["--warmup-epochs", "1000"], "warmup_epochs = 1000, expected at most the 100 epochs"),
        (
            ["--set", "accumulate=3"],
            "accumulate = 3, but a batch of 32 pairs cannot be divided into so many equal parts",
        ),
        (["--set", "optimizer=sgd"], "optimizer = 'sgd', expected one of adamw, lars"),
        (["--set", "widht=4"], "--set widht=4: expected NAME=VALUE"),
        (["--set", "sets=training"], "sets = ['training'], expected some of train, online, test, disjoint"),
        (["--validation", "yes"], "validation = 'yes', expected true or false"),
        (["--device", "meta"], "device = 'meta', expected auto, cpu, cuda or cuda:NUMBER"),
        (["--device", "cuda:77"], "device = 'cuda:77' is not available here"),
    ],
)
def test_a_wrong_setting_is_wrong_use_and_a_one_line_error(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture, words: list[str], named: str
) -> None:
    assert main(["train", data, "-o", str(tmp_path / "run"), *TINY, *words]) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run" / "checkpoint").exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [("widht: 4", "unknown key 'widht'"), ("- 4", "contains a list"), ("a: [", "cannot be read as YAML"),
     ("width: true", "width = True, expected an integer")],
)  # fmt: skip
def test_a_wrong_config_file_is_named(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture, content: str, named: str
) -> None:
    config = tmp_path / "train.yaml"
    config.write_text(content)
    assert main(["train", data, "-o", str(tmp_path / "run"), "--config", str(config)]) == 2
    assert named in capsys.readouterr().err


def test_a_missing_file_or_folder_is_named(data: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["train", str(tmp_path / "nothing"), "-o", str(tmp_path / "run")]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert main(["train", data, "-o", str(tmp_path / "run"), "--resume"]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_a_run_folder_that_cannot_be_written_is_an_error_before_any_work(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["train", data, "-o", str(tmp_path / "file" / "run"), *TINY]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_and_says_how_to_continue(
    data: str, tmp_path: Path, request_to_stop: signal.Signals, capsys: pytest.CaptureFixture
) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "aassl_ros.cli.main", "train", data, "-o", str(run), *TINY, "--epochs", "100000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as training:
        log = run / "log.jsonl"
        while not (log.exists() and log.stat().st_size) and training.poll() is None:
            time.sleep(0.01)  # until the first update is logged
        training.send_signal(request_to_stop)
        error = training.communicate()[1]
    assert training.returncode == 1
    assert f"Continue with: aassl train {data} -o {run} --resume" in error
    step = load_checkpoint(run).step
    assert step == json.loads(log.read_text().splitlines()[-1])["step"]
    assert main(["train", data, "-o", str(run), "--resume", "--epochs", str(step // 5 + 1)]) == 0
    assert f": {5 * (step // 5 + 1)} updates" in capsys.readouterr().out


def test_two_processes_do_not_train_one_run(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", data, "-o", str(tmp_path / "run"), *TINY, "--epochs", "1"]
    with alone(tmp_path / "run", "aassl train"):
        assert main(words) == 2
        assert f"another aassl train is at work in {tmp_path / 'run'}." in capsys.readouterr().err
        assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    assert main(words) == 0
    with alone(tmp_path / "run", "aassl train"):
        assert main([*words[:4], "--resume", "--epochs", "2"]) == 2
    assert main([*words[:4], "--resume", "--epochs", "2"]) == 0


def test_a_run_is_neither_overwritten_nor_continued_with_other_settings(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["train", data, "-o", str(tmp_path / "run")]
    assert main([*words, *TINY, "--epochs", "1"]) == 0
    assert main([*words, *TINY, "--epochs", "1"]) == 2
    assert "contains a run already. Continue it with --resume" in capsys.readouterr().err
    assert main([*words, "--resume", "--lr", "0.1"]) == 2
    assert "lr = 0.1, but" in capsys.readouterr().err


def test_a_damaged_log_loses_its_damaged_lines_only(data: str, tmp_path: Path) -> None:
    words = ["train", data, "-o", str(tmp_path / "run")]
    assert main([*words, *TINY, "--epochs", "1"]) == 0
    log = tmp_path / "run" / "log.jsonl"
    log.write_bytes(log.read_bytes() + b'\xff{"step"}\n{"loss": 3}\n[]}\n{"step": null}\n')
    assert main([*words, "--resume", "--epochs", "2"]) == 0
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, 11))


def test_a_log_that_cannot_be_written_is_named(data: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    words = ["train", data, "-o", str(tmp_path / "run")]
    assert main([*words, *TINY, "--epochs", "1"]) == 0
    (tmp_path / "run" / "log.jsonl").unlink()
    (tmp_path / "run" / "log.jsonl").mkdir()
    assert main([*words, "--resume", "--epochs", "2"]) == 1
    assert "log.jsonl cannot be written: Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{"epoch": -5}, {"batch": 500}, {"rng": {}}])
def test_an_impossible_position_in_the_run_is_refused(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture, changes: dict
) -> None:
    words = ["train", data, "-o", str(tmp_path / "run")]
    assert main([*words, *TINY, "--epochs", "1"]) == 0
    file = tmp_path / "run" / "checkpoint" / "checkpoint.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({**facts, "trainer": {**facts["trainer"], **changes}}))
    assert main([*words, "--resume", "--epochs", "2"]) == 1
    assert "nothing to resume" in capsys.readouterr().err


def test_objects_left_out_for_validation_can_be_tested_on(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run = str(tmp_path / "run")
    assert main(["train", data, "-o", run, *TINY, "--epochs", "1", "--validation", "true"]) == 0
    capsys.readouterr()
    assert main(["evaluate", run, data, "--split", "val", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["test_instances"]) == 4  # one of the two of each category
    assert not set(found["test_instances"]) & set(load_checkpoint(run).instances)


def test_validation_without_objects_to_spare_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_synthetic(tmp_path / "data", episodes=2, frames=40, image_size=16)
    words = ["train", str(tmp_path / "data"), "-o", str(tmp_path / "run"), *TINY, "--validation", "true"]
    assert main(words) == 2
    assert "no category of" in capsys.readouterr().err


def test_adapt_is_a_preset_that_own_settings_win_over() -> None:
    def given(*words: str) -> dict[str, Any]:
        parser = argparse.ArgumentParser()
        train.add_arguments(parser)
        return train.given_settings(parser.parse_args(["data", "-o", "run", *words]))

    assert given() == {}
    preset = given("--adapt", "--lr", "2e-3", "--set", "encoder_lr=1e-5")
    assert preset == {**ADAPTATION_DEFAULTS, **ADAPTATION_RUN, "lr": 2e-3, "encoder_lr": 1e-5}
    assert "updates" not in given("--adapt", "--epochs", "3")
    from_mapping(TrainSettings, preset, source="test")


def test_adapt_takes_window_and_action_from_the_data_unless_they_are_given(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "data", episodes=4, frames=10, image_size=16)
    data = PreparedData.open(tmp_path / "data")
    assert train._fitting(data, {}) == {"window": near_window(data), "action_components": ("rotation",)}
    assert train._fitting(data, {"window": "episode"}) == {"action_components": ("rotation",)}


def test_adapt_keeps_the_action_that_was_given_and_those_of_several_robots(tmp_path: Path) -> None:
    write_robot(tmp_path / "posed", PANDA, posed=True)
    write_robot(tmp_path / "joints", SO101, seed=1)
    posed = PreparedData.open(tmp_path / "posed")
    assert train._fitting(posed, {})["action_components"] == ("rotation",)
    assert "action_components" not in train._fitting(posed, {"action_space": "joints"})
    both = PreparedData.open(tmp_path / "posed", tmp_path / "joints")
    assert "action_components" not in train._fitting(both, {})


def test_frames_without_a_partner_in_the_window_are_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_synthetic(tmp_path / "data", episodes=4, frames=10, image_size=16)
    words = ["train", str(tmp_path / "data"), "-o", str(tmp_path / "run"), *TINY, "--window", "degrees:0.01"]
    assert main(words) == 0
    assert "of the frames have no partner within 0.01 degrees; the nearest is used (median " in capsys.readouterr().err


def test_pretrained_weights_choose_their_encoder(capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    named = {"pretrained": "efficientnet_lite0", "pretrained:efficientnet_lite1": "efficientnet_lite1"}
    for weights, encoder in named.items():
        given = train.given_settings(parser.parse_args(["data", "-o", "run", "--weights", weights]))
        assert given == {"weights": weights, "encoder": encoder}
    own = train.given_settings(parser.parse_args(["data", "-o", "run", "--weights", "a.safetensors"]))
    assert own == {"weights": "a.safetensors"}


def test_settings_that_are_seldom_meant_are_warned_of() -> None:
    bare = TrainSettings(encoder="efficientnet_lite0", weights="pretrained")
    assert [each.split()[0] for each in train._warnings(bare, "")] == ["weights"]
    adapted = from_mapping(TrainSettings, {**ADAPTATION_DEFAULTS, **ADAPTATION_RUN}, source="test")
    assert list(train._warnings(adapted, "object_pose (rotation)")) == []
    assert "This is a control" in next(iter(train._warnings(adapted, "time (seconds)")))


def test_two_robots_train_together_or_one_after_the_other(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    panda, so101, run = str(tmp_path / "panda"), str(tmp_path / "so101"), str(tmp_path / "run")
    write_robot(tmp_path / "panda", PANDA)
    write_robot(tmp_path / "so101", SO101, seed=1)

    assert main(["train", panda, so101, "-o", str(tmp_path / "both"), *TINY, "--epochs", "1"]) == 0
    said = capsys.readouterr().err
    assert f"the action is joints ({', '.join(PANDA)}) and joints ({', '.join(SO101)}), with a head each." in said
    assert "known for 100 % of the frames (50 % and 50 %)" in said

    assert main(["train", panda, "-o", run, *TINY, "--epochs", "1"]) == 0
    assert main(["train", panda, so101, "-o", run, "--resume", "--epochs", "2"]) == 1
    assert "--add-data, with a new action head for joints (shoulder_pan" in capsys.readouterr().err
    assert main(["train", panda, so101, "-o", run, "--add-data"]) == 2
    assert "--add-data continues a run: give --resume too" in capsys.readouterr().err
    assert main(["train", panda, so101, "-o", run, "--resume", "--add-data", "--epochs", "2"]) == 0
    assert [space.size for space in load_checkpoint(run).action_spaces] == [7, 5]
