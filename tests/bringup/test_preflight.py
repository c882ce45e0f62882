"""Errors that `aassl up` and launch find before any node is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aassl_ros.bringup.preflight import check
from aassl_ros.bringup.systems import node_specs
from aassl_ros.errors import ConfigError


@pytest.mark.parametrize(
    ("system", "given", "message"),
    [
        ("online", {}, "evaluator: no gallery is given"),
        ("evaluate", {"gallery": "/nowhere/data"}, "evaluator: gallery /nowhere/data does not exist"),
        ("evaluate", {"gallery": "/", "checkpoint": "/nowhere/run"}, "evaluator: checkpoint /nowhere/run does not"),
        ("train", {"replay_data": "/nowhere/data"}, "trainer: replay_data /nowhere/data does not exist"),
        ("collect", {"arm": "triceps"}, "arm 'triceps' is unknown"),
        ("collect", {"bag": "/tmp"}, "recorder: /tmp already exists"),
    ],
)
def test_an_argument_that_a_node_would_refuse_is_refused_before_the_node_starts(
    system: str, given: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check(node_specs(system, given))


@pytest.mark.parametrize("section", ["/**/evaluator", "/**", "evaluator"])
def test_a_gallery_that_the_parameter_file_names_is_enough(tmp_path: Path, section: str) -> None:
    (tmp_path / "evaluator.yaml").write_text(f"{section}:\n  ros__parameters:\n    gallery: somewhere\n")
    check(node_specs("evaluate", {"config": str(tmp_path)}))


def test_aassl_up_reports_the_error_and_starts_nothing() -> None:
    command = [sys.executable, "-m", "aassl_ros.cli.main", "up", "online"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("aassl: evaluator: no gallery is given.")
    assert len(done.stderr.splitlines()) == 1
