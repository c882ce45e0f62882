"""`aassl study` as typed: its processes, Ctrl-C and kill, exit status, messages."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aassl_ros.cli import study
from aassl_ros.cli.main import main
from aassl_ros.cli.study import add_arguments, request_of
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.studies.local_scheduler import LocalScheduler
from aassl_ros.studies.progress import Standing
from aassl_ros.studies.request import Request
from aassl_ros.studies.study import conduct
from aassl_ros.studies.writing import write

FEW = ["--quick", "--seeds", "2", "--set", "measures=category", "baselines=false"]
ONLY = "aa_simclr actions shuffled,simclr"


def words(data: PreparedData, out: Path, *more: str) -> list[str]:
    return ["study", "controls", "--data", str(data.path), "-o", str(out), *FEW, "--only", ONLY, "--jobs", "2", *more]


@pytest.fixture
def in_this_process(here: type, monkeypatch: pytest.MonkeyPatch) -> type:
    """Where `main` is called here, its runs need no worker processes, each of which loads torch anew."""
    monkeypatch.setattr(study, "LocalScheduler", lambda devices: here())
    return here


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments[1:])


def start(arguments: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "aassl_ros.cli.main", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)  # another program's files


def ends(group: int) -> bool:
    """Whether all processes of the group end soon: workers, and multiprocessing's own helper, which follows them."""
    until = time.monotonic() + 120
    while not is_gone(group) and time.monotonic() < until:
        time.sleep(0.05)  # others' processes
    return is_gone(group)


def is_gone(group: int) -> bool:
    """Whether no process of the group is left but, at most, those that only wait to be collected."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return False
    return True


@pytest.mark.slow
def test_an_interrupted_and_killed_study_resumes_and_ends_with_the_same_table(
    data: PreparedData, tmp_path: Path, in_this_process: type, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    request = request_of(parsed(words(data, whole)))
    table = write(conduct(request, in_this_process(), lambda standing: None, lambda: False), whole)
    assert {row["setting"] for row in table["rows"]} == set(ONLY.split(","))

    process = start(words(data, parts, "--jobs", "1"))
    wait_for(lambda: any(parts.glob("runs/*/log.jsonl")), process)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does, which reaches the children too
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Continue with: aassl study controls" in said
    assert "Traceback" not in said
    assert ends(process.pid)

    process = start(words(data, parts))
    wait_for(lambda: any(parts.glob("runs/*/result.json")), process)
    process.kill()
    process.communicate()
    assert ends(process.pid)  # the workers found that they are alone

    done = {path: path.stat().st_mtime_ns for path in parts.glob("runs/*/result.json")}
    assert len(done) > 0
    assert main(words(data, parts, "--json")) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((parts / "table.json").read_text()) == table
    assert {path: path.stat().st_mtime_ns for path in done} == done


@pytest.mark.slow
def test_a_worker_that_dies_is_a_failed_run_and_another_takes_its_place(data: PreparedData, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one(standing: Standing) -> None:
        if not killed and any(steps.total for steps in standing.running.values()):
            (worker,) = multiprocessing.active_children()
            killed.append(worker.pid or 0)
            worker.kill()

    request = Request(
        "controls", tmp_path, data.path, 2, quick=True, only=("simclr",), evaluation={"measures": ["category"]}
    )
    conclusion = conduct(request, LocalScheduler(["cpu"]), kill_one, lambda: False)
    assert conclusion.failed == {("simclr", 0): "its process ended (signal 9, out of memory?)"}
    assert set(conclusion.results["simclr"]) == {1}
    assert multiprocessing.active_children() == []


def test_failed_runs_end_in_status_3_with_their_reason(
    tmp_path: Path, in_this_process: type, capsys: pytest.CaptureFixture[str], write_tiny: Callable[..., PreparedData]
) -> None:
    data = write_tiny(tmp_path / "data", poses=False)
    only = "aa_simclr turn size alone,simclr"
    arguments = ["--quick", "--seeds", "1", "--only", only, "--set", "measures=category", "--jobs", "1"]
    assert main(["study", "controls", "--data", str(data.path), "-o", str(tmp_path / "out"), *arguments]) == 3
    said = capsys.readouterr().err
    assert "aassl: aa_simclr turn size alone, seed 0 failed: action space turn_size: no frame of" in said
    assert "the turn is unknown: no frame has a pose" in said


def test_a_batch_that_no_setting_fills_is_refused_at_once(
    data: PreparedData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--quick", "--only", "simclr", "--set", "batch=1000"]
    assert main(["study", "controls", "--data", str(data.path), "-o", str(tmp_path / "out"), *arguments]) == 2
    assert capsys.readouterr().err.startswith("aassl: batch = 1000, but simclr has 96 frames to pair in ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message", "status"),
    [
        (["controls", "--data", "/nowhere"], "/nowhere does not exist", 1),
        (["fame"], "there is no study 'fame', expected one of methods, controls, action-noise", 2),
        (["controls", "--set", "colour=red"], "--set colour=red: expected NAME=VALUE, NAME one of", 2),
        (["controls", "--seeds", "0"], "--seeds 0: expected an integer of at least 1.", 2),
        (["grid", "--grid", "taste=1"], "--grid taste=1: expected NAME=VALUE,VALUE, NAME one of", 2),
        (["grid", "--grid", "action_weight=much"], "--grid: action_weight = 'much', expected", 2),
    ],
)
def test_wrong_use_is_one_line(
    more: list[str], message: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", *more, "-o", str(tmp_path / "out")]) == status
    said = capsys.readouterr().err
    assert said.startswith(f"aassl: {message}")
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()
