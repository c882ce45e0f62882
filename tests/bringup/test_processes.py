from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

import aassl_ros.bringup.processes as processes_module
from aassl_ros.bringup.processes import NodeProcesses
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.bringup.systems import complete, node_specs
from aassl_ros.errors import RosError


@pytest.fixture
def domain() -> Iterator[None]:
    with own_domain():
        yield


@pytest.mark.usefixtures("domain")
def test_the_error_of_a_failed_node_is_one_line_without_its_log_prefix() -> None:
    wanted = {"arm": "triceps", "bag": "/nowhere"}
    (spec,) = (spec for spec in node_specs("collect", complete("collect", wanted)) if spec.name == "recorder")
    with NodeProcesses([spec]) as processes:
        assert processes.wait_any(120.0)
        processes.stop()
        with pytest.raises(RosError, match=r"^node recorder exited with status 1: arm 'triceps' is unknown[^.]*\.$"):
            processes.check()


@pytest.mark.usefixtures("domain")
def test_a_node_that_was_killed_is_reported_as_killed() -> None:
    (spec,) = (spec for spec in node_specs("collect", complete("collect", {})) if spec.name == "simulator")
    with NodeProcesses([spec]) as processes:
        os.kill(processes._processes["simulator"].pid, signal.SIGKILL)
        assert processes.wait_any(120.0)
        with pytest.raises(RosError, match="node simulator was killed by signal 9"):
            processes.check()


@pytest.mark.usefixtures("domain")
def test_the_node_that_failed_is_reported_and_not_one_that_was_stopped_because_of_it() -> None:
    given = complete("collect", {"bag": "/nowhere/bag"})
    specs = [spec for spec in node_specs("collect", given) if spec.name in ("simulator", "recorder")]
    wrong = [
        replace(spec, parameters={**spec.parameters, "arm": "triceps"}) if spec.name == "recorder" else spec
        for spec in specs
    ]
    with NodeProcesses(wrong) as processes:
        assert processes.wait_any(120.0)
        processes.stop()
        assert {"simulator", "recorder"} <= set(processes.ended())
        with pytest.raises(RosError, match=r"^node recorder exited with status 1"):
            processes.check()


@pytest.mark.usefixtures("domain")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 makes no process group without a session")
def test_a_node_gets_no_ctrl_c_of_the_terminal_and_shares_the_processors_by_its_niceness() -> None:
    (spec,) = (spec for spec in node_specs("collect", complete("collect", {})) if spec.name == "simulator")
    with NodeProcesses([spec]) as processes:
        node = processes.process_id("simulator")
        assert os.getpgid(node) == node  # Ctrl-C goes to the process group in the foreground
        assert os.getsid(node) == os.getsid(0)  # with autogroup, niceness counts only within a session


@pytest.mark.usefixtures("domain")
def test_a_node_that_is_stopped_before_it_has_started_has_not_failed() -> None:
    (spec,) = (spec for spec in node_specs("collect", complete("collect", {})) if spec.name == "simulator")
    with NodeProcesses([spec]) as processes:
        processes.stop()  # it has not imported anything yet: nobody catches the signal
        assert processes.ended() == ("simulator",)
        processes.check()


HANGS = """
import ctypes, sys, threading
from aassl_ros.ros import base

class Hangs(base.ManagedNode):
    def activate(self):
        print("up", flush=True)

    def HOOK(self):
        self.stuck()

    def stuck(self):
        print("saved", flush=True)
        WAIT

base._LEAVE_S = 1.0
sys.exit(base.run(lambda: Hangs("recorder")))
"""


@pytest.fixture
def start_hanging(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str, str], NodeProcesses]]:
    """Start a node that hangs in a hook."""
    with ExitStack() as stack:

        def start(hook: str, wait: str) -> NodeProcesses:
            script = tmp_path / "aassl_ros" / "hangs.py"
            script.parent.mkdir()
            script.write_text(HANGS.replace("HOOK", hook).replace("WAIT", wait))
            monkeypatch.setattr(processes_module, "command_line", lambda spec: [sys.executable, str(script)])
            (spec,) = (spec for spec in node_specs("collect", complete("collect", {})) if spec.name == "recorder")
            up = threading.Event()
            processes = stack.enter_context(NodeProcesses([spec], echo=lambda name, line: up.set()))
            assert up.wait(60)
            return processes

        yield start


@pytest.mark.usefixtures("domain")
def test_of_a_node_that_does_not_stop_the_error_says_where_it_was(
    monkeypatch: pytest.MonkeyPatch, start_hanging: Callable[[str, str], NodeProcesses]
) -> None:
    processes = start_hanging("deactivate", "threading.Event().wait()")
    monkeypatch.setattr(processes_module, "_STOP_S", 5.0)
    processes.stop()
    assert processes.exit_status("recorder") == -signal.SIGKILL
    where = r"wait \(threading.py:\d+\), called from stuck \(hangs.py:\d+\)"
    with pytest.raises(RosError, match=rf"killed\. .* threads were in {where}"):
        processes.check()


@pytest.mark.usefixtures("domain")
def test_a_node_that_could_not_save_has_failed_although_the_middleware_does_not_let_it_go(
    monkeypatch: pytest.MonkeyPatch, start_hanging: Callable[[str, str], NodeProcesses]
) -> None:
    hang = (
        "[ctypes.PyDLL(None).sleep(300) for _ in range(9)]\n\n    def failure(self):\n        return 'the disk is full'"
    )
    processes = start_hanging("unsubscribe", hang)
    monkeypatch.setattr(processes_module, "_STOP_S", 5.0)
    processes.stop()
    with pytest.raises(RosError, match="was killed"):
        processes.check()


@pytest.mark.usefixtures("domain")
def test_a_node_that_the_middleware_does_not_let_go_ends_by_itself_after_it_has_saved(
    start_hanging: Callable[[str, str], NodeProcesses],
) -> None:
    # PyDLL keeps Python's lock, as rclpy does: no thread of Python can end the process.
    processes = start_hanging("unsubscribe", "ctypes.PyDLL(None).sleep(300)")
    processes.stop()
    assert processes.exit_status("recorder") == -signal.SIGALRM
    processes.check()
