"""Runs spread over a Ray cluster: here one of two workers on this machine."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from aassl_ros.cli.main import main
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.studies.progress import Interrupted, Standing
from aassl_ros.studies.ray_scheduler import RayScheduler
from aassl_ros.studies.request import Request
from aassl_ros.studies.study import conduct
from aassl_ros.studies.writing import write


def request(data: PreparedData, out: Path) -> Request:
    only = ("aa_simclr", "simclr")
    return Request("controls", out, data.path, 2, quick=True, only=only, evaluation={"measures": ["category"]})


@pytest.mark.slow
def test_a_cluster_of_two_gives_the_table_of_one_process_and_resumes_after_an_interruption(
    data: PreparedData, tmp_path: Path, here: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    expected = write(conduct(request(data, tmp_path / "here"), here(), lambda standing: None, lambda: False), tmp_path)
    monkeypatch.setenv("RAY_worker_niceness", "0")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        scheduler, seen = RayScheduler("auto"), []
        with pytest.raises(Interrupted):  # while processes start: they must stay usable
            conduct(request(data, tmp_path / "ray"), scheduler, seen.append, lambda: True)
        with pytest.raises(Interrupted):
            conduct(request(data, tmp_path / "ray"), scheduler, seen.append, lambda: seen[-1].finished >= 1)
        done = len(list(tmp_path.glob("ray/runs/*/result.json")))
        assert done >= 1
        found = write(conduct(request(data, tmp_path / "ray"), scheduler, seen.append, lambda: False), tmp_path)
        resumed = seen[-1]
    finally:
        ray.shutdown()
    assert found["failed"] == expected["failed"] == []
    assert found["rows"] == expected["rows"]
    assert isinstance(resumed, Standing)
    assert resumed.finished == resumed.runs == 4 - done


def test_without_ray_the_message_has_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: PreparedData
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["--data", str(data.path), "-o", str(tmp_path / "out"), "--ray", "auto"]
    assert main(["study", "controls", *arguments]) == 2
    assert capsys.readouterr().err == "aassl: --ray needs Ray, which is missing: pip install 'aassl_ros[ray]'.\n"


def test_a_cluster_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: PreparedData
) -> None:
    pytest.importorskip("ray")
    arguments = ["--data", str(data.path), "-o", str(tmp_path / "out"), "--quick", "--ray", "auto"]
    assert main(["study", "controls", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("aassl: there is no Ray cluster at auto")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("start", ["", "ray://"])
def test_an_address_without_a_cluster_is_an_error_at_once(
    start: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: PreparedData
) -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:  # so that nobody else listens there
        taken.bind(("127.0.0.1", 0))
        address = f"{start}127.0.0.1:{taken.getsockname()[1]}"
        arguments = ["--data", str(data.path), "-o", str(tmp_path / "out"), "--quick", "--ray", address]
        assert main(["study", "controls", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"aassl: there is no Ray cluster at {address} (Connection refused). Start one with")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("address", ["headnode", "headnode:", ":6379", "headnode:ray", "headnode:70000", "http://h:1"])
def test_a_malformed_address_is_an_error(address: str) -> None:
    with pytest.raises(ConfigError, match=f"^--ray {address}: expected HOST:PORT .*, auto or local\\.$"):
        RayScheduler(address)


def test_an_address_with_a_listener_is_passed_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    asked = []
    monkeypatch.setattr(ray, "init", lambda **options: asked.append(options["address"]))
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(RayScheduler, "_run", lambda *arguments: {})
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        RayScheduler(address).run((), lambda standing: None, lambda: False)
    assert asked == [address]
