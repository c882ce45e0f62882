"""Bags, prepared data, runs, backbones, studies and demos made before the regrouping are opened, as a user does it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

EVALUATE = ("--json", "--device", "cpu", "--few-shot-draws", "10")
# Two frames of the fewest tested (8): another processor rounds otherwise. The weights themselves are compared exactly.
SHARE = 0.26
NUMBERS = {"rankme": 0.2, "neighbours": 0.02, "random_pairs": 0.02, "view_invariance": 0.02}
# Absolute: what another processor's rounding may do to a loss of about 10 within twelve updates.
LOSS = 0.1

OwnCopy = Callable[[str], Path]
Aassl = Callable[..., str]


def assert_holds(reported: Any, wanted: Any, where: str = "") -> None:
    """Every key of `wanted` is there with its value; more may have come since."""
    if not isinstance(wanted, dict):
        assert reported == wanted, where
        return
    for key, value in wanted.items():
        assert key in reported, f"{where}/{key}"
        assert_holds(reported[key], value, f"{where}/{key}")


@pytest.mark.parametrize("name", ["bag_mcap", "bag_sqlite3"])
def test_an_old_bag_has_the_same_contents_and_passes_the_check(
    name: str, unpacked: Path, recorded: Any, aassl: Aassl
) -> None:
    reported = json.loads(aassl("bag", "info", unpacked / name, "--json"))
    assert_holds(reported, {key: value for key, value in recorded[name].items() if key != "bag"})
    assert json.loads(aassl("bag", "check", unpacked / name, "--json"))["sound"]


def test_a_killed_mcap_bag_is_recovered(unpacked: Path, tmp_path: Path, recorded: Any, aassl: Aassl) -> None:
    out = tmp_path / "recovered"
    reported = json.loads(aassl("bag", "recover", unpacked / "bag_mcap_killed", "-o", out, "--json", status=3))
    assert reported["messages"] == recorded["recovered"]
    assert json.loads(aassl("bag", "info", out, "--json"))["messages"] == recorded["recovered"]


def test_a_killed_sqlite3_bag_is_refused_in_one_line(unpacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from aassl_ros.cli.main import main

    assert main(["bag", "info", str(unpacked / "bag_sqlite3_killed")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_old_bag_gives_the_old_data(unpacked: Path, tmp_path: Path, aassl: Aassl) -> None:
    aassl("prepare", unpacked / "bag_mcap", "-o", tmp_path / "data", "--image-size", "16")
    old = unpacked / "prepared"
    assert (tmp_path / "data" / "frames.uint8").read_bytes() == (old / "frames.uint8").read_bytes()
    for file in old.glob("*.npy"):
        np.testing.assert_array_equal(np.load(tmp_path / "data" / file.name), np.load(file), err_msg=file.name)
    old_table, table = (json.loads((folder / "prepared.json").read_text()) for folder in (old, tmp_path / "data"))
    then, now = old_table.pop("facts"), table["facts"]
    assert {key: table[key] for key in old_table} == old_table
    # Topics that were not given were "", and are [] since several may be given.
    settings = {name: now["settings"].get(name) for name in then["settings"]}
    settings |= {name: "".join(settings[name]) for name in ("joint_states", "command") if name in settings}
    assert settings == then["settings"]
    assert now["report"].keys() >= then["report"].keys()


def test_old_data_need_no_preparing_again(own_copy: OwnCopy, unpacked: Path, aassl: Aassl) -> None:
    words = ("prepare", unpacked / "bag_mcap", "-o", own_copy("prepared"), "--image-size", "16", "--json")
    assert json.loads(aassl(*words))["already_there"]


def test_an_old_checkpoint_measures_as_it_did(unpacked: Path, recorded: Any, aassl: Aassl) -> None:
    found = json.loads(aassl("evaluate", unpacked / "run_aa_simclr", unpacked / "prepared", *EVALUATE))
    same_measures(found, recorded["evaluation"])


def test_an_old_backbone_measures_as_it_did_on_old_drawn_data(unpacked: Path, recorded: Any, aassl: Aassl) -> None:
    found = json.loads(aassl("evaluate", unpacked / "backbone.safetensors", unpacked / "drawn", *EVALUATE))
    same_measures(found, recorded["evaluation_of_backbone"])


def same_measures(found: Any, wanted: Any, where: str = "") -> None:
    """Every key that was there is there; shares and numbers are as they were but for rounding, all else equal."""
    name = where.rpartition("/")[2]
    if isinstance(wanted, dict):
        for key in wanted:
            assert key in found, f"{where}/{key}"
            # Of each view there are two frames only, and a regression on twenty frames is nobody's number.
            if key not in ("per_view", "rotation_r2", "rotation_r2_kernel", "penalty", "confusion"):
                same_measures(found[key], wanted[key], f"{where}/{key}")
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=NUMBERS.get(name, SHARE)), where
    elif name != "notes":
        assert found == wanted, where


def test_an_old_checkpoint_exports_the_backbone_that_it_did(unpacked: Path, tmp_path: Path, aassl: Aassl) -> None:
    aassl("export", unpacked / "run_aa_simclr", "-o", tmp_path / "new.safetensors")
    new, old = (
        safetensors.numpy.load_file(file) for file in (tmp_path / "new.safetensors", unpacked / "backbone.safetensors")
    )
    assert new.keys() == old.keys()
    for name in old:
        np.testing.assert_array_equal(new[name], old[name], err_msg=name)


def test_a_run_begins_with_an_old_backbone(unpacked: Path, tmp_path: Path, aassl: Aassl) -> None:
    words = ("--weights", unpacked / "backbone.safetensors", "--width", "4", "--batch", "16", "--updates", "1")
    aassl("train", unpacked / "prepared", "-o", tmp_path / "run", *words, "--method", "simclr", "--device", "cpu")


def test_an_old_run_continues_on_the_same_curve(own_copy: OwnCopy, unpacked: Path, recorded: Any, aassl: Aassl) -> None:
    run = own_copy("run_aa_simclr")
    aassl("train", unpacked / "prepared", "-o", run, "--resume", "--updates", "12")
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [line["step"] for line in recorded["resumed_log"]]
    for line, wanted in zip(log, recorded["resumed_log"], strict=True):
        for key in ("loss", "contrastive", "action"):
            assert line[key] == pytest.approx(wanted[key], abs=LOSS), line


def test_an_old_run_with_momentum_copies_continues(own_copy: OwnCopy, unpacked: Path, aassl: Aassl) -> None:
    run = own_copy("run_byol")
    aassl("train", unpacked / "prepared", "-o", run, "--resume", "--updates", "4")
    assert json.loads((run / "checkpoint" / "checkpoint.json").read_text())["step"] == 4


def test_a_run_keeps_its_settings_unless_others_are_given(unpacked: Path, tmp_path: Path, aassl: Aassl) -> None:
    words = ("--method", "aa_simclr", "--width", "4", "--batch", "16", "--device", "cpu", "--precision", "fp32")
    words += ("--updates", "6", "--set", "keep=1", "torch_threads=1")
    aassl("train", unpacked / "prepared", "-o", tmp_path / "run", *words)
    new, old = (
        json.loads((run / "checkpoint" / "checkpoint.json").read_text())
        for run in (tmp_path / "run", unpacked / "run_aa_simclr")
    )
    assert {name: new["config"].get(name) for name in old["config"]} == old["config"]
    assert new.keys() >= old.keys()


def test_an_old_study_is_finished_and_its_table_the_same(own_copy: OwnCopy, unpacked: Path, aassl: Aassl) -> None:
    study = own_copy("study")
    old = json.loads((study / "table.json").read_text())
    words = ("--methods", "simclr", "--only", "simclr,simclr_equal_frames", "--seeds", "1", "--quick", "--jobs", "1")
    table = json.loads(
        aassl("study", "methods", *words, "-o", study, "--data", unpacked / "prepared", "--json", "--set", "batch=16")
    )
    # A path; the program's version, which is raised with every release; words for people, which may be reworded.
    for differs in ("data", "version", "question"):
        old.pop(differs)
    assert {key: table[key] for key in old} == old


def test_the_report_of_an_old_demo_is_drawn_again(unpacked: Path, tmp_path: Path, aassl: Aassl) -> None:
    demo = tmp_path / "demo"
    shutil.copytree(unpacked / "demo", demo)
    (demo / "bags").mkdir()
    for name, artefact in (("bags/collect", "bag_mcap"), ("bags/online", "bag_sqlite3"), ("data", "prepared"),
                           ("offline", "run_aa_simclr"), ("online", "run_online"),
                           ("checkpoint", "run_online/checkpoint")):  # fmt: skip
        (demo / name).symlink_to(unpacked / artefact)
    aassl("report", demo)
    assert "<img" in (demo / "report.html").read_text(encoding="utf-8")
