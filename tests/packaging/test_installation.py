"""However the package is installed, ros2 and the user find the same things in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NODES = ("simulator", "explorer", "recorder", "trainer", "evaluator", "camera")


def test_the_resource_index_names_the_package(installation) -> None:
    assert (installation.prefix / "share/ament_index/resource_index/packages/aassl_ros").exists()


def test_every_shared_file_is_where_ros2_launch_looks(installation) -> None:
    share = installation.prefix / "share/aassl_ros"
    assert (share / "package.xml").exists()
    for folder in ("launch", "config", "sim"):
        wanted = [path for path in (CHECKOUT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert wanted, f"{folder}/ of the checkout is empty"
        missing = [path for path in wanted if not (share / path.relative_to(CHECKOUT)).exists()]
        assert not missing


@pytest.mark.parametrize("node", NODES)
def test_every_node_is_an_executable_where_ros2_run_looks(installation, node: str) -> None:
    executable = installation.prefix / "lib/aassl_ros" / node
    assert os.access(executable, os.X_OK)


def test_a_node_runs_from_its_executable(installation) -> None:
    # It has to read its parameters to say this.
    result = installation.run(
        installation.prefix / "lib/aassl_ros/recorder", "--ros-args", "-p", "storage:=floppy", "-r", "__node:=recorder"
    )
    assert result.returncode == 1, result.stderr
    assert "storage = 'floppy', expected one of mcap, sqlite3" in result.stderr + result.stdout


def test_the_command_aassl_runs(installation) -> None:
    command = next(
        path
        for path in (installation.prefix / "bin/aassl", installation.prefix / "lib/aassl_ros/aassl")
        if path.exists()
    )
    result = installation.run(command, "--help")
    assert result.returncode == 0, result.stderr
    assert "doctor" in result.stdout


def test_settings_and_message_definitions_are_found_from_the_installed_code(installation) -> None:
    program = (
        "import aassl_ros; from aassl_ros.paths import share; from aassl_ros.messages.package import load_packages\n"
        "print(aassl_ros.__file__); print(share('config/recorder.yaml')); print([p.name for p in load_packages()])"
    )
    result = installation.run("python3", "-c", program)
    assert result.returncode == 0, result.stderr
    code, config, packages = result.stdout.splitlines()
    assert not Path(code).is_relative_to(CHECKOUT)
    assert not Path(config).is_relative_to(CHECKOUT)
    assert packages == "['control_msgs', 'tf2_msgs', 'vision_msgs']"
