"""Real rclpy over DDS between processes: every test has its own ROS domain."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.messages import trajectory_from_message
from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.trajectory import CommandInForce, Trajectory
from aassl_ros.ros.conversions import time_message
from aassl_ros.ros.qos import LATCHED
from aassl_ros.ros.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment

PANDA = load_arm("panda")


@pytest.fixture
def ros_domain() -> Iterator[int]:
    """Set a ROS_DOMAIN_ID that no other test run uses, for this process and those it starts."""
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

    def wait_for(self, condition: Callable[[], Any], *, timeout_s: float = 120, what: str = "the condition") -> Any:
        """Spin until `condition()` is true and return it; fails the test after timeout_s."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if value := condition():
                return value
            self.executor.spin_once(timeout_sec=0.05)
        pytest.fail(f"waited {timeout_s:g} s for {what}")

    def call(self, client: Any, request: Any, *, what: str = "an answer") -> Any:
        """Call a service and return the answer. The call is repeated: the first answer may be lost, because the node
        may know the service's client later than the client knows the service.
        """
        self.wait_for(client.service_is_ready, what="the service")
        asked: list[Any] = []
        next_s = 0.0

        def answered() -> Any:
            nonlocal next_s
            if time.monotonic() > next_s:
                next_s = time.monotonic() + 5.0
                asked.append(client.call_async(request))
            return next((one.result() for one in asked if one.done()), None)

        return self.wait_for(answered, what=what)

    def call_once(self, client: Any, request: Any, *, what: str = "an answer") -> Any:
        """Call a service that does something else if it is called twice, and return the answer."""
        self.wait_for(client.service_is_ready, what="the service")
        self.spin(0.5)  # the node learns of the service's client; before, its answer would be lost
        asked = client.call_async(request)
        self.wait_for(asked.done, what=what)
        return asked.result()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `aassl WORDS` while the nodes of this test go on."""
        command = [sys.executable, "-m", "aassl_ros.cli.main", *words]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        ) as process:
            self.wait_for(lambda: process.poll() is not None, what=f"the end of aassl {' '.join(words)}")
            output, errors = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def spin(self, seconds: float) -> None:
        """Spin for a time, to check that something does not happen."""
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


class FollowingArm:
    """An arm whose controller follows trajectories exactly, and a simulator that shows what it is asked for."""

    def __init__(self, node: Node, *, answer: Callable[[dict[str, object]], dict[str, object] | None] | None = None):
        self._node = node
        self._command = CommandInForce(PANDA.joints)
        self._answer = answer
        self.speaking, self.follows, self.joint_names = True, True, PANDA.joints
        self.plans: list[tuple[int, Trajectory]] = []
        self.events: list[EpisodeEvent] = []
        self.requests: list[str] = []
        self.diagnostics: list[tuple[bytes, str]] = []
        self._joints = node.create_publisher(JointState, topics.JOINT_STATES, 10)
        self._states = node.create_publisher(String, topics.SIMULATOR_OBJECT_STATE, LATCHED)
        if answer is not None:  # by this it is known to be a simulator
            node.create_subscription(String, topics.SIMULATOR_OBJECT, self._on_object, 10)
        node.create_subscription(JointTrajectory, topics.COMMAND, self._on_command, 10)
        node.create_subscription(String, topics.EPISODE, self._on_episode, LATCHED)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        node.create_timer(0.01, self._tick)

    def now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def ended(self) -> list[EpisodeEvent]:
        return [event for event in self.events if event.event != "start"]

    def position(self) -> np.ndarray:
        commanded = self._command.at(self.now_ns())
        return np.where(np.isnan(commanded) | (not self.follows), PANDA.home, commanded)

    def _tick(self) -> None:
        if self.speaking:
            message = JointState(name=list(self.joint_names), position=self.position().tolist())
            message.header.stamp = time_message(self.now_ns())
            self._joints.publish(message)

    def _on_command(self, message: JointTrajectory) -> None:
        self.plans.append((self.now_ns(), trajectory_from_message(message)))
        self._command.add(self.plans[-1][1], receipt_ns=self.now_ns())

    def _on_episode(self, message: String) -> None:
        self.events.append(EpisodeEvent.parse(message.data))

    def _on_object(self, message: String) -> None:
        request = json.loads(message.data)
        self.requests.append(request["instance"])
        self._states.publish(String(data="no json"))
        self._states.publish(String(data=json.dumps({"request": request["request"], "stamp": "soon"})))
        if (answer := self._answer(request)) is not None:
            self._states.publish(String(data=json.dumps(answer)))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics += [(status.level, status.message) for status in message.status]

    def show(self, request: dict[str, object]) -> dict[str, object]:
        shown = {key: request[key] for key in ("instance", "category", "request")}
        return shown | {"stamp": self.now_ns() + 30_000_000}


@pytest.fixture
def following_arm() -> type[FollowingArm]:
    """following_arm(node, answer=None): an arm that follows; a simulator if it answers requests for objects."""
    return FollowingArm


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
            words += ["-p", f"{key}:={text}" if text else f'{key}:=""']
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
            process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture
def start_example(ros_domain: int) -> Iterator[Any]:
    """start_example("rate_hz:=12.5") starts the tests' own node; killed at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(*parameters: str) -> subprocess.Popen[str]:
        words = [word for parameter in parameters for word in ("-p", parameter)]
        command = [sys.executable, str(Path(__file__).parents[1] / "ros" / "example_node.py"), "--ros-args", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
