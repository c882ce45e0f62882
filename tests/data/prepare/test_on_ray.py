"""Bags prepared on a Ray cluster: here one of two workers on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_streams import SIZE, record, stream

from aassl_ros.cli.main import main
from aassl_ros.data.prepare.on_ray import OnRay
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.errors import BagError

SMALL = PrepareSettings(image_size=SIZE, workers=1)


def contents(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes().replace(str(out).encode(), b"DATA") for file in out.iterdir()}


@pytest.mark.slow
def test_a_cluster_of_two_gives_the_data_of_one_process_also_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    bags = [record(tmp_path / f"b{number}", stream(1.0, first_episode=number)) for number in range(4)]
    broken = record(tmp_path / "broken", stream(1.0, first_episode=9))
    (broken / "broken_0.mcap").write_bytes((broken / "broken_0.mcap").read_bytes()[:-100])
    (broken / "metadata.yaml").unlink()
    prepare(bags, tmp_path / "here", SMALL)

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setenv("RAY_worker_niceness", "0")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        with pytest.raises(KeyboardInterrupt):
            prepare(bags, tmp_path / "ray", SMALL, progress=interrupt, runner=OnRay("auto"))
        assert not (tmp_path / "ray").exists()
        prepare(bags, tmp_path / "ray", SMALL, runner=OnRay("auto"))
        with pytest.raises(BagError, match="broken"):
            prepare([*bags, broken], tmp_path / "more", SMALL, runner=OnRay("auto"))
    finally:
        ray.shutdown()
    assert contents(tmp_path / "ray") == contents(tmp_path / "here")


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray")
    bag = record(tmp_path / "bag", stream(1.0))
    assert main(["prepare", str(bag), "-o", str(tmp_path / "data"), "--ray", "127.0.0.1:1"]) == 1
    said = capsys.readouterr().err
    assert "aassl: there is no Ray cluster at 127.0.0.1:1 (Connection refused)" in said
    assert not (tmp_path / "data").exists()


def test_a_malformed_address_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray")
    assert main(["prepare", "bag", "-o", str(tmp_path / "data"), "--ray", "head"]) == 2
    assert "--ray head: expected HOST:PORT" in capsys.readouterr().err
