"""`aassl train` in two processes: started, stopped and resumed by torchrun, and its error if one process is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.cli.main import main
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint

TINY = ("--width", "4", "--batch", "32", "--window", "frames:2")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
TRAIN = ("-m", "aassl_ros.cli.main", "train")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "data"
    write_synthetic(folder, episodes=8, frames=20, image_size=16)  # 160 frames: 5 updates an epoch
    return str(folder)


def lines(run: Path) -> list[dict]:
    log = run / "log.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()[:-1]] if log.exists() else []


def wait_for_updates(run: Path, *processes: subprocess.Popen) -> None:
    until = time.monotonic() + 120
    while len(lines(run)) < 3:
        assert time.monotonic() < until
        assert all(process.poll() is None for process in processes)
        time.sleep(0.05)  # another program's file


def free_port() -> int:
    """A free TCP port below those that the system gives to outgoing connections, so that none takes it meanwhile."""
    for port in range(15_000 + os.getpid() % 10_000, 30_000):
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@contextmanager
def put_away(*processes: subprocess.Popen) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait(timeout=240)


@pytest.mark.slow
def test_two_processes_stopped_and_resumed_are_on_the_curve_of_one(data: str, tmp_path: Path) -> None:
    run, words = tmp_path / "two", [*TINY, "--method", "aa_byol", "--lr", "5e-5"]  # rounding grows with the rate
    words += ["--set", "flip_probability=0.5", "action_noise=0.1", "accumulate=2"]  # drawn and divided by the batch
    process = subprocess.Popen([*TORCHRUN, *TRAIN, data, "-o", str(run), *words, "--epochs", "1000"], text=True,
                               stderr=subprocess.PIPE)  # fmt: skip
    with put_away(process):
        wait_for_updates(run, process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=240)
    assert said.count("aassl: stopped at step") == 1, said
    reached = load_checkpoint(run).step
    assert [line["step"] for line in lines(run)] == list(range(1, reached))

    epochs = str(reached // 5 + 1)
    resumed = [*TORCHRUN, "--no-python", str(Path(sys.executable).with_name("aassl")), "train", data, "-o", str(run)]
    done = subprocess.run([*resumed, "--resume", "--epochs", epochs], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("updates in") == 1
    assert main(["train", data, "-o", str(tmp_path / "one"), *words, "--epochs", epochs]) == 0
    two, one = lines(run), lines(tmp_path / "one")
    assert [line["step"] for line in two] == [line["step"] for line in one]
    for name in ("loss", "action", "rankme"):  # sums over ranks round otherwise, and every update adds to that
        found, expected = ([line[name] for line in log if name in line] for log in (two, one))
        assert found[:4] == pytest.approx(expected[:4], rel=2e-3 if name != "rankme" else 1e-2)
        assert found == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    "blow", [pytest.param(signal.SIGKILL, id="dies"), pytest.param(signal.SIGSTOP, id="hangs", marks=pytest.mark.slow)]
)
@pytest.mark.slow
def test_if_one_process_is_lost_the_other_exits_with_an_error(data: str, tmp_path: Path, blow: signal.Signals) -> None:
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    words = [data, "-o", str(tmp_path / "run"), *TINY, "--epochs", "1000"]
    words += ["--set", "ranks_timeout_s=40" if blow == signal.SIGSTOP else "ranks_timeout_s=60", "save_every_s=0"]
    first, second = (
        subprocess.Popen([sys.executable, *TRAIN, *words], text=True, stderr=subprocess.PIPE,
                         env={**os.environ, **meeting, "RANK": rank, "LOCAL_RANK": rank})
        for rank in "01"
    )  # fmt: skip
    with put_away(first, second):
        wait_for_updates(tmp_path / "run", first, second)
        second.send_signal(blow)
        _, said = first.communicate(timeout=240)
    assert first.returncode == 1
    error = said.splitlines()[-1]
    assert error.startswith("aassl: process 0 of 2 lost another one, which has ended or hangs (")
    assert f"continue with --resume. The last good checkpoint is {tmp_path / 'run' / 'checkpoints'}" in error
    assert load_checkpoint(tmp_path / "run").step >= 1
