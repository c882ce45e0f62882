"""Wrong calls of aassl collect are refused before any node is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from aassl_ros.cli.main import main


@pytest.mark.parametrize(
    ("out", "words", "status", "said"),
    [
        ("bag", ["--seconds", "0"], 2, "--seconds = 0, expected more than 0."),
        (".", [], 2, "already exists. Bags are never overwritten"),
        ("bag", ["bogus:=1"], 2, "collect: unknown argument 'bogus', expected one of robot, arm,"),
        ("bag", ["arm:=foo"], 2, "arm 'foo' is unknown, expected one of iiwa, panda, so101, ur5e, xarm6"),
        ("a_file/bag", [], 1, "cannot be written: File exists. Choose another folder."),
    ],
)
def test_a_wrong_call_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, words: list[str], status: int, said: str
) -> None:
    (tmp_path / "a_file").touch()
    assert main(["collect", "-o", str(tmp_path / out), *words]) == status
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a_file"]
