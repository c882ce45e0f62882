"""The base of every node: parameters, lifecycle, signals, diagnostics."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import DescribeParameters

EXAMPLE = Path(__file__).parent / "example_node.py"


def test_a_node_starts_by_itself_and_shuts_down_in_order_on_sigint(start_example: Any) -> None:
    node = start_example("rate_hz:=12.5", 'names:=["a", "b"]')
    assert node.stdout.readline() == "active 12.5 a,b\n"
    node.send_signal(signal.SIGINT)
    said, _ = node.communicate(timeout=240)
    assert said.splitlines() == ["deactivated", "cleaned up"]
    assert node.returncode == 0


def test_a_second_signal_does_not_interrupt_the_shutdown_of_a_node(start_example: Any) -> None:
    node = start_example()
    node.stdout.readline()
    node.send_signal(signal.SIGTERM)
    node.send_signal(signal.SIGINT)
    said, _ = node.communicate(timeout=240)
    assert said.splitlines()[-1] == "cleaned up"
    assert node.returncode == 0


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("rate_hz:=0.5", "rate_hz = 0.5, expected a number from 1 to 240."),
        ("rate_hz:=30", "expected a number from 1 to 240 (write 30.0, not 30)."),
        ("mode:=odd", "example: mode = 'odd', expected one of good, broken, mistaken."),
        ("mode:=broken", "the mode is broken. Take mode:=good."),
        ("autostart:=perhaps", "example: autostart = 'perhaps', expected true or false."),
    ],
)
def test_a_wrong_parameter_of_a_node_is_a_one_line_error(start_example: Any, parameter: str, message: str) -> None:
    node = start_example(parameter)
    said, _ = node.communicate(timeout=240)
    assert node.returncode == 1
    assert said.strip().endswith(message)
    assert len(said.strip().splitlines()) == 1


def test_a_parameter_that_the_node_does_not_have_is_named(start_example: Any) -> None:
    said, _ = start_example("moode:=good").communicate(timeout=240)
    assert said.startswith("example: unknown parameter 'moode', expected one of autostart, mode, names, rate_hz,")


def test_an_unreadable_parameter_file_is_reported_without_a_traceback(ros_domain: int, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("example: [")
    command = [sys.executable, str(EXAMPLE), "--ros-args", "--params-file", str(tmp_path / "broken.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert "broken.yaml" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_bug_in_a_transition_is_not_hidden(start_example: Any) -> None:
    node = start_example("mode:=mistaken")
    said, _ = node.communicate(timeout=240)
    assert node.returncode == 1
    assert "ZeroDivisionError: a mistake of ours" in said


def test_parameters_are_described_with_their_ranges(start_example: Any, ros: Any) -> None:
    start_example()
    client = ros.node().create_client(DescribeParameters, "/example/describe_parameters")
    rate, mode = ros.call(client, DescribeParameters.Request(names=["rate_hz", "mode"])).descriptors
    assert rate.description == "how often it would, in Hz"
    assert (rate.floating_point_range[0].from_value, rate.floating_point_range[0].to_value) == (1.0, 240.0)
    assert mode.additional_constraints == "one of good, broken, mistaken"


def test_without_autostart_the_lifecycle_services_control_it_and_diagnostics_are_published_before(
    start_example: Any, ros: Any
) -> None:
    process = start_example("autostart:=false")
    node = ros.node()
    received: list[Any] = []
    node.create_subscription(DiagnosticArray, "/diagnostics", received.append, 10)
    change = node.create_client(ChangeState, "/example/change_state")
    state = node.create_client(GetState, "/example/get_state")
    ros.wait_for(lambda: received, what="diagnostics")
    assert received[0].status[0].name == "/example"
    assert ros.call(state, GetState.Request()).current_state.label == "unconfigured"
    for transition in (1, 3):  # configure, activate
        request = ChangeState.Request()
        request.transition.id = transition
        assert ros.call_once(change, request).success
    assert process.stdout.readline().startswith("active 30.0")
    assert ros.call(state, GetState.Request()).current_state.label == "active"
    request = ChangeState.Request()
    request.transition.label = "shutdown"
    assert ros.call_once(change, request).success
    assert [process.stdout.readline() for _ in range(2)] == ["deactivated\n", "cleaned up\n"]
    assert ros.call(state, GetState.Request()).current_state.label == "finalized"


@pytest.mark.parametrize("domain", ["abc", "999"])
def test_an_invalid_domain_is_a_one_line_error_of_nodes_and_commands(domain: str) -> None:
    environment = {**os.environ, "ROS_DOMAIN_ID": domain}
    for words in (
        ["aassl_ros.nodes.simulator"],
        ["aassl_ros.cli.main", "episode", "start", "--instance", "mug_0001"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *words], env=environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode != 0
        assert f"ROS_DOMAIN_ID = '{domain}', expected a number from 0 to 232." in done.stderr
        assert "Traceback" not in done.stderr
