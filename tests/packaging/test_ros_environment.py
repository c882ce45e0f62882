"""rclpy from wheels works without a variable that the user must set, and a sourced ROS installation is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aassl_ros import ros_environment
from aassl_ros.ros_environment import GUARD, prepare_environment, sourced_prefix, wheels_prefix

needs_wheels = pytest.mark.skipif(wheels_prefix() is None, reason="ROS 2 does not come from wheels here")

PROGRAM = """
from aassl_ros.ros_environment import prepare_environment
prepare_environment()
import rclpy
rclpy.init(args=[])
print(rclpy.create_node("alive").get_name())
rclpy.shutdown()
"""


def run_with(**variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def ros_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prefix that looks like /opt/ros/DISTRO and is sourced."""
    marker = tmp_path / "share/ament_index/resource_index/packages/rclpy"
    marker.parent.mkdir(parents=True)
    marker.touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    return tmp_path


@needs_wheels
def test_rclpy_starts_with_no_variable_set() -> None:
    assert run_with().stdout == "alive\n"


@needs_wheels
def test_rclpy_starts_from_a_process_of_another_environments_python() -> None:
    assert run_with(**{GUARD: "1"}).stdout == "alive\n"


@needs_wheels
def test_preparing_again_changes_nothing() -> None:
    prepare_environment()
    before = dict(os.environ)
    prepare_environment()
    assert dict(os.environ) == before


def test_a_sourced_installation_is_left_as_it_is(ros_installation: Path) -> None:
    assert sourced_prefix() == ros_installation
    prepare_environment()
    assert os.environ["AMENT_PREFIX_PATH"] == str(ros_installation)


@needs_wheels
def test_the_wheels_of_another_environment_are_not_taken_for_an_installation_and_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib/python3.10/site-packages/ros_wheels_bootstrapper").mkdir(parents=True)
    monkeypatch.setenv("AMENT_PREFIX_PATH", os.pathsep.join([str(tmp_path), "/workspace/install/something"]))
    assert sourced_prefix() is None
    prepare_environment()
    assert os.environ["AMENT_PREFIX_PATH"] == os.pathsep.join(["/workspace/install/something", str(wheels_prefix())])


def test_without_any_rclpy_there_is_neither_wheel_nor_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ros_environment.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    assert wheels_prefix() is None
    assert sourced_prefix() is None
