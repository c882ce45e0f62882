"""`colcon test` runs the quick tier, as `make test` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

TESTS = """
import pytest

def test_quick():
    pass

@pytest.mark.slow
def test_slow():
    pass
"""


def colcon(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "colcon", "--log-base", "log", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_colcon_test_runs_the_quick_tests_and_not_the_slow_ones(source: Path) -> None:
    (source / "tests").mkdir()
    (source / "tests/test_two.py").write_text(TESTS, encoding="utf-8")
    colcon(source.parent, "build", "--base-paths", "source", "--packages-select", "aassl_ros")
    colcon(source.parent, "test", "--base-paths", "source", "--packages-select", "aassl_ros")
    report = ElementTree.parse(source.parent / "build/aassl_ros/pytest.xml")
    assert [case.attrib["name"] for case in report.iter("testcase")] == ["test_quick"]
    assert "1 test, 0 errors, 0 failures" in colcon(source.parent, "test-result")
