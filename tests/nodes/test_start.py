"""Errors of a node's process that cannot start, or is stopped while it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NODES = ("simulator", "explorer", "recorder", "trainer", "evaluator")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a Python environment that holds no package at all."""
    prefix = tmp_path_factory.mktemp("bare") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True, timeout=60)
    return prefix / "bin"


def run(command: list[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "AASSL_DEBUG")}
    return subprocess.run(
        command, env={**kept, **environment}, cwd="/", capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("node", NODES)
def test_a_node_without_its_environment_names_the_module_that_is_missing(bare: Path, node: str) -> None:
    done = run([bare / "python3", "-m", f"aassl_ros.nodes.{node}"], PYTHONPATH=str(CHECKOUT))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{node}: the Python module '")
    assert f"is not installed for {bare}" in done.stderr
    assert "make setup" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_executable_whose_python_lacks_the_package_reports_it(bare: Path) -> None:
    executable = CHECKOUT / "scripts/executables/recorder"
    done = run([executable], PATH=f"{bare}:/usr/bin:/bin")
    assert done.returncode == 1
    assert done.stderr.startswith(f"recorder: the Python module 'aassl_ros' is not installed for {bare}")
    assert len(done.stderr.splitlines()) == 1


def test_ctrl_c_while_a_node_still_imports_is_one_line() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "aassl_ros.nodes.trainer"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])}
    node = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert node.stderr is not None
    for line in node.stderr:
        if line.rstrip().endswith("aassl_ros.nodes"):  # its own imports come next, torch among them
            node.send_signal(signal.SIGINT)
            break
    said = [line for line in node.stderr if not line.startswith("import time:")]
    assert node.wait(60) == -signal.SIGINT
    assert said == ["trainer: stopped before it had started.\n"]


@pytest.mark.parametrize(
    "words", [["aassl_ros.nodes.simulator"], ["aassl_ros.cli.main", "call", "explorer/stop"]], ids=["node", "command"]
)
def test_a_missing_middleware_is_reported_in_one_line_with_the_installed_ones(words: list[str]) -> None:
    done = run([sys.executable, "-m", *words], RMW_IMPLEMENTATION="rmw_nothing", PYTHONPATH=str(CHECKOUT))
    assert done.returncode in (1, 2)
    assert "RMW_IMPLEMENTATION = 'rmw_nothing' is not installed here, expected one of rmw_" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("node", "parameter"),
    [("recorder", "cameras:=['front-cam']"), ("recorder", "extra_topics:=['1cam/x']"),
     ("trainer", "camera:='front-cam'"), ("simulator", "camera:='front cam'")],
)  # fmt: skip
def test_a_name_that_ros_refuses_is_one_line(ros_domain: int, tmp_path: Path, node: str, parameter: str) -> None:
    bag = ["-p", f"bag:={tmp_path}/bag"] if node == "recorder" else []
    command = [sys.executable, "-m", f"aassl_ros.nodes.{node}", "--ros-args", "-p", parameter, *bag]
    done = run(command, PYTHONPATH=str(CHECKOUT))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Invalid topic name" in done.stderr
