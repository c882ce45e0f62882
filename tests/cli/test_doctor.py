"""`aassl doctor` on the real machine: every check passes or says how to fix the problem."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from aassl_ros.doctor import gradients, machine, ros
from aassl_ros.doctor.finding import Finding, try_python
from aassl_ros.doctor.machine import check_disk

CHECKS = ["Python", "ROS 2", "launch", "messages", "shared memory", "images", "renderer", "torch", "gradients",
          "weights", "disk", "clock"]  # fmt: skip


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("bags")
    command = [sys.executable, "-m", "aassl_ros.cli.main", "doctor", "--json", "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_answer_is_one_json_object_with_every_check(answer: subprocess.CompletedProcess[str]) -> None:
    assert [check["name"] for check in json.loads(answer.stdout)["checks"]] == CHECKS


def test_the_exit_status_is_3_if_and_only_if_something_does_not_work(answer: subprocess.CompletedProcess[str]) -> None:
    assert answer.returncode == (0 if json.loads(answer.stdout)["works"] else 3)


def test_a_check_that_fails_says_how_to_fix_it_and_one_that_passes_does_not(
    answer: subprocess.CompletedProcess[str],
) -> None:
    for check in json.loads(answer.stdout)["checks"]:
        assert check["found"]
        assert bool(check["fix"]) == (not check["works"])


def test_everything_that_the_tests_need_works(answer: subprocess.CompletedProcess[str]) -> None:
    checks = {check["name"]: check for check in json.loads(answer.stdout)["checks"]}
    for name in ("Python", "ROS 2", "messages", "images", "renderer", "torch", "gradients"):
        assert checks[name]["works"], checks[name]


def test_the_disk_check_of_a_missing_folder_uses_the_folder_above_it(tmp_path: Path) -> None:
    assert str(tmp_path) in check_disk(tmp_path / "not" / "yet").found
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_says_how_to_name_another() -> None:
    finding = check_disk(Path("/proc"))
    assert not finding.works
    assert "--folder" in finding.fix


def test_too_little_disk_space_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_ROOM_NEEDED_GB", 1e9)
    finding = check_disk(tmp_path)
    assert not finding.works
    assert "free some space" in finding.fix


def test_too_little_shared_memory_says_how_to_get_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ros, "_SHARED_MEMORY_NEEDED", 2**60)
    finding = ros.check_shared_memory()
    assert not finding.works
    assert "--shm-size" in finding.fix


def test_missing_message_packages_are_named_with_the_command_that_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ros, "sourced_prefix", lambda: None)
    monkeypatch.setattr(ros, "_MESSAGES", {"std_msgs": "String", "vision_msgs": "NoSuchMessage"})
    finding = ros.check_messages()
    assert "vision_msgs" in finding.found
    assert "std_msgs" not in finding.found
    assert finding.fix == "python -m aassl_ros.messages"


def test_a_library_that_aborts_its_process_does_not_abort_the_doctor() -> None:
    assert try_python("-c", "import os; os.abort()").error == "exited with status -6"
    assert try_python("-c", "import no_such_module").error == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_problem_is_printed_with_its_fix(capsys: pytest.CaptureFixture[str]) -> None:
    from aassl_ros.cli.doctor import print_findings

    print_findings([Finding("disk", False, "2 MB/s in [slow]", "pip install '.[sim]'")])
    output = capsys.readouterr().out
    assert "problem" in output
    assert "2 MB/s in [slow]" in output
    assert "disk: pip install '.[sim]'." in output


AVX2_FAULT = pytest.mark.skipif(
    not torch.__version__.startswith("2.13.") or "avx2" not in Path("/proc/cpuinfo").read_text(),
    reason="known fault of torch 2.13 on processors with AVX2",
)


@AVX2_FAULT
def test_a_torch_with_wrong_gradients_of_convolutions_is_reported_and_our_encoders_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    finding = gradients.check_gradients()
    assert finding.works
    assert "this torch has a fault on this processor" in finding.found


@pytest.mark.parametrize(
    ("program", "reported"),
    [
        ("import os; os.abort()", "exited with status -6"),
        ('print(\'{"4": 1e-5, "8": 0.3}\')', "a ResNet-18 of width 8 has a relative error of 0.3"),
        ("print('{\"4\": NaN}')", "a ResNet-18 of width 4 has a relative error of nan"),
    ],
)
def test_encoders_with_wrong_gradients_here_are_reported(
    monkeypatch: pytest.MonkeyPatch, program: str, reported: str
) -> None:
    monkeypatch.setattr(gradients, "_ENCODERS", program)
    finding = gradients.check_gradients()
    assert not finding.works
    assert reported in finding.found
    assert "ONEDNN_MAX_CPU_ISA=AVX" in finding.fix
