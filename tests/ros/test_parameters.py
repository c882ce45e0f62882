"""A parameter that is set on a running node is applied at once or refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter, parameter_value_to_python

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.learning.online.settings import ADJUSTABLE
from aassl_ros.learning.recognition import recognizer

APPLIED = {
    "recorder": {"queue_mb"},
    "trainer": set(ADJUSTABLE) - {"replay_fraction"},
    "evaluator": set(recognizer.ADJUSTABLE),
}


class Client:
    """The parameter services of one node."""

    def __init__(self, ros: Any, name: str) -> None:
        self._ros, self._name, self._node = ros, name, ros.node("client")
        self._clients: dict[str, Any] = {}

    def call(self, kind: type, service: str, request: Any) -> Any:
        if service not in self._clients:
            self._clients[service] = self._node.create_client(kind, f"/{self._name}/{service}")
        ask = self._ros.call_once if service == "change_state" else self._ros.call
        return ask(self._clients[service], request, what=f"an answer of /{self._name}/{service}")

    def values(self) -> dict[str, Any]:
        names = self.call(ListParameters, "list_parameters", ListParameters.Request()).result.names
        answer = self.call(GetParameters, "get_parameters", GetParameters.Request(names=names))
        return dict(zip(names, map(parameter_value_to_python, answer.values), strict=True))

    def set(self, **values: Any) -> list[SetParametersResult]:
        parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        request = SetParameters.Request(parameters=parameters)
        return list(self.call(SetParameters, "set_parameters", request).results)

    def change_state(self, transition: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = transition
        return bool(self.call(ChangeState, "change_state", request).success)


def another(value: Any) -> Any:
    """A value of the same type that differs."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.75 + 0.01
    return f"{value}_other" if isinstance(value, str) else ["other"]


@pytest.mark.parametrize("name", ["simulator", "explorer", "recorder", "trainer", "evaluator"])
def test_every_parameter_of_every_node_is_applied_at_once_or_refused_with_the_reason(
    ros: Any, start_node: Any, tmp_path: Path, name: str
) -> None:
    given: dict[str, Any] = {
        "recorder": {"bag": tmp_path / "bag"},
        "trainer": {"run_dir": tmp_path / "run", "device": "cpu"},
        "evaluator": {"device": "cpu"},
    }.get(name, {})
    if name == "evaluator":
        given["gallery"] = write_patterns(tmp_path / "gallery", frames=5).path
    start_node(name, given)
    client = Client(ros, name)
    before = client.values()
    # rclpy's own are applied by rclpy.
    ours = [key for key in before if key not in ("use_sim_time", "start_type_description_service")]
    results = dict(zip(ours, client.set(**{key: another(before[key]) for key in ours}), strict=True))
    after = client.values()
    assert {key for key, result in results.items() if result.successful} == APPLIED.get(name, set())
    for key, result in results.items():
        assert (after[key] != before[key]) == result.successful, key
        assert result.successful or result.reason, key


def test_an_active_node_applies_what_it_can_and_refuses_the_rest_with_the_reason(ros: Any, start_example: Any) -> None:
    process = start_example()
    process.stdout.readline()
    client = Client(ros, "example")
    assert client.set(rate_hz=50.0)[0].successful
    assert process.stdout.readline() == "rate 50.0\n"
    wrong, late, typed = client.set(mode="nonsense", names=["a"], rate_hz="fast")
    assert wrong.reason == "example: mode = 'nonsense', expected one of good, broken, mistaken."
    assert late.reason.startswith("example: names is read when the node is configured, and it is active now.")
    assert "ros2 lifecycle set /example deactivate" in late.reason
    assert not typed.successful
    assert typed.reason
    assert client.values()["rate_hz"] == 50.0


def test_what_is_set_before_configure_is_used_and_a_wrong_choice_is_refused_even_then(
    ros: Any, start_example: Any
) -> None:
    process = start_example("autostart:=false")
    client = Client(ros, "example")
    wrong, right = client.set(mode="nonsense", names=["a", "b"])
    assert not wrong.successful
    assert right.successful
    assert client.change_state(1)
    assert client.change_state(3)
    assert process.stdout.readline() == "active 30.0 a,b\n"
