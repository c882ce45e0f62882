"""Real rclpy over DDS between processes: every test has a ROS domain of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from aassl_ros.nodes.transport import set_image_transport
from aassl_ros.ros_domain import own_domain
from aassl_ros.ros_environment import prepare_environment


@pytest.fixture
def ros_domain() -> Iterator[int]:
    """A ROS_DOMAIN_ID in the environment of this process and of those it starts, that no other test run has now."""
    prepare_environment()
    set_image_transport()
    with own_domain() as domain:
        yield domain


class Ros:
    """An rclpy context of the test's own, with nodes that spin only while the test waits for something."""

    def __init__(self) -> None:
        self.executor = SingleThreadedExecutor()

    def node(self, name: str = "tester", **kwargs: Any) -> Node:
        """A node spun by `wait_for`."""
        node = Node(name, **kwargs)
        self.executor.add_node(node)
        return node

    def wait_for(self, condition: Callable[[], Any], *, timeout_s: float = 60.0, what: str = "the condition") -> Any:
        """Spin until `condition()` is true and return it; fails the test after timeout_s."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if value := condition():
                return value
            self.executor.spin_once(timeout_sec=0.05)
        pytest.fail(f"waited {timeout_s:g} s for {what}")

    def spin(self, seconds: float) -> None:
        """Spin for a time: to see that something does not happen."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.executor.spin_once(timeout_sec=0.05)


@pytest.fixture
def ros(ros_domain: int) -> Iterator[Ros]:
    rclpy.init(args=[])
    helper = Ros()
    yield helper
    for node in helper.executor.get_nodes():
        node.destroy_node()
    rclpy.try_shutdown()


StartNode = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_node(ros_domain: int) -> Iterator[StartNode]:
    """start_node("recorder", {"storage": "mcap"}, "-r", "a:=b") starts that node's process; stopped by SIGINT at
    the end.
    """
    processes: list[subprocess.Popen[str]] = []

    def start(name: str, parameters: Mapping[str, Any] | None = None, *ros_arguments: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", f"aassl_ros.nodes.{name}", "--ros-args"]
        for key, value in (parameters or {}).items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            words += ["-p", f"{key}:={text}"]
        process = subprocess.Popen(
            [*words, *ros_arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ)
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture
def start_example(ros_domain: int) -> Iterator[Any]:
    """start_example("rate_hz:=12.5") starts the tests' own node; killed at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(*parameters: str) -> subprocess.Popen[str]:
        words = [word for parameter in parameters for word in ("-p", parameter)]
        command = [sys.executable, str(Path(__file__).parent / "example_node.py"), "--ros-args", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
