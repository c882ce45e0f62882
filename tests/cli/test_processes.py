from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from aassl_ros.cli.processes import NodeProcesses
from aassl_ros.errors import RosError
from aassl_ros.ros_domain import own_domain
from aassl_ros.system import complete, nodes


@pytest.fixture
def domain() -> Iterator[None]:
    with own_domain():
        yield


@pytest.mark.usefixtures("domain")
def test_how_a_node_ended_is_one_line_without_its_log_prefix() -> None:
    wanted = {"arm": "triceps", "bag": "/nowhere"}
    (spec,) = (spec for spec in nodes("collect", complete("collect", wanted)) if spec.name == "recorder")
    with NodeProcesses([spec]) as processes:
        assert processes.wait_any(20.0)
        processes.stop()
        with pytest.raises(RosError, match=r"^node recorder ended with status 1: arm 'triceps' is unknown[^.]*\.$"):
            processes.check()


@pytest.mark.usefixtures("domain")
def test_a_node_that_was_killed_is_told_as_such() -> None:
    (spec,) = (spec for spec in nodes("collect", complete("collect", {})) if spec.name == "simulator")
    with NodeProcesses([spec]) as processes:
        os.kill(processes._processes["simulator"].pid, signal.SIGKILL)
        assert processes.wait_any(20.0)
        with pytest.raises(RosError, match="node simulator was killed by signal 9"):
            processes.check()
