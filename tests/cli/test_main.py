"""The `aassl` command itself: help, exit status, one-line errors."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aassl_ros.cli.main import COMMANDS, main


def test_help_names_every_command_and_loads_no_torch(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; from aassl_ros.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print('torch' in sys.modules, 'rclpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("words", [["--help"], ["prepare", "--help"]])
def test_help_says_what_prepare_takes(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    said = " ".join(capsys.readouterr().out.split())
    assert "urn bags, folders of pictures or published data sets into training data" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "usage: aassl " + name in capsys.readouterr().out


def test_an_unknown_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2
    assert "fly" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message", "status"),
    [
        ("up fly", "aassl: there is no system 'fly', expected one of collect, train, evaluate, live, online, page.", 2),
        ("up --show-args fly", "aassl: there is no system 'fly', expected one of", 2),
        ("up collect arm", "aassl: 'arm' is not a launch argument, expected name:=value.", 2),
        ("up collect robot:=toy", "aassl: collect: robot = 'toy', expected one of sim, real.", 2),
        ("collect -o /tmp --seconds 1", "aassl: /tmp already exists. Bags are never overwritten", 2),
        ("collect -o /tmp/none --seconds -1", "aassl: --seconds = -1, expected more than 0.", 2),
        ("episode start", "aassl: episode start needs --instance NAME, the object that is handled.", 2),
        ("demo --seconds 3", "aassl: command line: seconds = 3.0, expected a number of at least 20.", 2),
        (
            "report /nowhere",
            "aassl: report: /nowhere does not exist, expected a run, a study, a demo, a bag or an open-set result.",
            2,
        ),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(
    command: str, message: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(command)) == status
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert len(said.splitlines()) == 1


def test_up_prints_the_command_lines_that_launch_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "collect", "arm:=iiwa", "--print"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("aassl_ros.nodes.")[1].split()[0] for line in lines] == ["simulator", "recorder", "explorer"]
    words = shlex.split(lines[0])
    assert words[words.index("-p", words.index("--params-file")) + 1].startswith("use_sim_time:=")
    assert 'arm:="iiwa"' in words


def test_launch_arguments_may_follow_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "train", "--print", "device:=cpu"]) == 0
    assert 'device:="cpu"' in shlex.split(capsys.readouterr().out)


def test_an_unknown_option_is_reported_with_the_usage_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", "demo", "--widht", "4"])
    assert ended.value.code == 2
    assert "aassl report: error: unrecognized arguments: --widht 4" in capsys.readouterr().err


def test_an_error_of_the_operating_system_is_one_line_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / ("x" * 300))]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_command_started_by_nohup_continues_when_the_terminal_closes(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert main(["bag", "info", str(tmp_path / "none")]) == 1
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
