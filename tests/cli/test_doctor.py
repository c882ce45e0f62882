"""The doctor looks at the real machine: what it says works does, and what does not comes with what mends it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aassl_ros.doctor import machine, ros
from aassl_ros.doctor.finding import Finding, try_python
from aassl_ros.doctor.machine import check_disk

CHECKS = ["Python", "ROS 2", "launch", "messages", "shared memory", "images", "renderer", "torch", "disk", "clock"]


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("bags")
    command = [sys.executable, "-m", "aassl_ros.cli.main", "doctor", "--json", "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_answer_is_one_json_object_with_every_check(answer: subprocess.CompletedProcess[str]) -> None:
    assert [check["name"] for check in json.loads(answer.stdout)["checks"]] == CHECKS


def test_the_exit_status_is_3_exactly_where_something_does_not_work(answer: subprocess.CompletedProcess[str]) -> None:
    assert answer.returncode == (0 if json.loads(answer.stdout)["works"] else 3)


def test_what_works_needs_no_mending_and_what_does_not_says_what_mends_it(
    answer: subprocess.CompletedProcess[str],
) -> None:
    for check in json.loads(answer.stdout)["checks"]:
        assert check["found"]
        assert bool(check["mend"]) == (not check["works"])


def test_what_every_test_here_needs_works(answer: subprocess.CompletedProcess[str]) -> None:
    checks = {check["name"]: check for check in json.loads(answer.stdout)["checks"]}
    for name in ("Python", "ROS 2", "messages", "images", "renderer", "torch"):
        assert checks[name]["works"], checks[name]


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_above_it(tmp_path: Path) -> None:
    assert str(tmp_path) in check_disk(tmp_path / "not" / "yet").found
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_says_how_to_name_another() -> None:
    finding = check_disk(Path("/proc"))
    assert not finding.works
    assert "--folder" in finding.mend


def test_too_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_ROOM_NEEDED_GB", 1e9)
    finding = check_disk(tmp_path)
    assert not finding.works
    assert "make room" in finding.mend


def test_too_little_shared_memory_says_what_gives_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ros, "_SHARED_MEMORY_NEEDED", 2**60)
    finding = ros.check_shared_memory()
    assert not finding.works
    assert "--shm-size" in finding.mend


def test_missing_message_packages_are_named_with_what_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ros, "sourced_prefix", lambda: None)
    monkeypatch.setattr(ros, "_MESSAGES", {"std_msgs": "String", "vision_msgs": "NoSuchMessage"})
    finding = ros.check_messages()
    assert "vision_msgs" in finding.found
    assert "std_msgs" not in finding.found
    assert finding.mend == "python -m aassl_ros.messages"


def test_a_library_that_ends_its_process_does_not_end_the_doctor() -> None:
    assert try_python("-c", "import os; os.abort()").error == "ended with status -6"
    assert try_python("-c", "import no_such_module").error == "ModuleNotFoundError: No module named 'no_such_module'"


def test_what_does_not_work_is_printed_with_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    from aassl_ros.cli.doctor import print_findings

    print_findings([Finding("disk", False, "2 MB/s in [slow]", "pip install '.[sim]'")])
    output = capsys.readouterr().out
    assert "does not" in output
    assert "2 MB/s in [slow]" in output
    assert "disk: pip install '.[sim]'." in output
